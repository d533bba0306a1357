//! `usage.toml` against the stack itself: what the template makes, counted.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::Usage;
use crate::emf::Metric;

const TEMPLATE: &str = include_str!("../../../../deploy/aws/postrider.yaml");
/// Metrics of a route with detailed metrics: Count, 4xx, 5xx, Latency, IntegrationLatency, DataProcessed.
const METRICS_OF_A_ROUTE: usize = 6;
const POLLERS_OF_A_QUEUE: u64 = 5;
const MONTH_MINUTES: u64 = 30 * 24 * 60;

/// A resource of the template, as far as it matters here.
#[derive(Default)]
struct Resource {
    kind: String,
    condition: Option<String>,
    body: Vec<&'static str>,
}

impl Resource {
    /// Lines that say `text` and nothing else, as far as a comment.
    fn lines(&self, text: &str) -> usize {
        self.body.iter().filter(|line| line.trim_start_matches(['-', ' ']).starts_with(text)).count()
    }
}

/// The resources between `Resources:` and `Outputs:`. The template is laid out by hand in one way, two spaces a level, and
/// what is not found is missed by the counts.
fn resources() -> Vec<Resource> {
    let start = TEMPLATE.find("\nResources:\n").unwrap();
    let end = TEMPLATE.find("\nOutputs:\n").unwrap();
    let mut found: Vec<Resource> = Vec::new();
    for line in TEMPLATE[start..end].lines().skip(2) {
        let depth = line.len() - line.trim_start().len();
        if depth == 2 && line.ends_with(':') && !line.trim_start().starts_with('#') {
            found.push(Resource::default());
        }
        let Some(resource) = found.last_mut() else { continue };
        match line.strip_prefix("    Type: ") {
            Some(kind) if depth == 4 => kind.clone_into(&mut resource.kind),
            _ => resource.body.push(line),
        }
        if let Some(condition) = line.strip_prefix("    Condition: ") {
            resource.condition = Some(condition.to_owned());
        }
    }
    assert!(found.iter().all(|resource| resource.kind.starts_with("AWS::")));
    found
}

/// What the template makes of what costs something by the month, whether or not the network is asked for; DNS records,
/// the authorizer for tokens and copies elsewhere are free or asked for with other parameters.
fn counted(with_vpc: bool) -> BTreeMap<&'static str, Decimal> {
    let made: Vec<Resource> = resources()
        .into_iter()
        .filter(|resource| with_vpc || resource.condition.as_deref() != Some("UsesVpc"))
        .collect();
    let all = |kind: &'static str| made.iter().filter(move |resource| resource.kind == kind);
    let number = |kind: &'static str| Decimal::from(all(kind).count());
    let alarm_metrics: usize =
        all("AWS::CloudWatch::Alarm").map(|alarm| alarm.lines("MetricStat:").max(1)).sum();
    let routes = all("AWS::ApiGatewayV2::Route").count();
    let runs: u64 = all("AWS::Scheduler::Schedule")
        .map(|schedule| match schedule {
            every if every.lines("ScheduleExpression: rate(1 minute)") == 1 => MONTH_MINUTES,
            hourly if hourly.lines("ScheduleExpression: cron(7 * * * ? *)") == 1 => MONTH_MINUTES / 60,
            _ => panic!("a schedule that this test cannot read"),
        })
        .sum();
    let endpoints =
        all("AWS::EC2::VPCEndpoint").filter(|endpoint| endpoint.lines("VpcEndpointType: Interface") == 1);
    let zones: u64 = endpoints
        .map(|endpoint| {
            let subnets = endpoint.body.iter().find(|line| line.trim_start().starts_with("SubnetIds:"));
            subnets.unwrap().matches("!Ref").count() as u64
        })
        .sum();
    let polls =
        all("AWS::Lambda::EventSourceMapping").count() as u64 * POLLERS_OF_A_QUEUE * MONTH_MINUTES * 3;
    let mut counted = BTreeMap::from([
        ("alarm_month", Decimal::from(alarm_metrics)),
        ("composite_alarm_month", number("AWS::CloudWatch::CompositeAlarm")),
        ("dashboard_month", number("AWS::CloudWatch::Dashboard")),
        ("metric_month", Decimal::from(Metric::ALL.len() + routes * METRICS_OF_A_ROUTE)),
        ("key_month", number("AWS::KMS::Key")),
        ("secret_month", number("AWS::SecretsManager::Secret")),
        ("lambda_request", Decimal::from(runs)),
        ("scheduler_invocation", Decimal::from(runs)),
        ("trace", Decimal::from(runs)),
        ("sqs_request", Decimal::from(polls)),
    ]);
    if with_vpc {
        counted.insert("endpoint_hour", Decimal::from(zones * MONTH_MINUTES / 60));
    }
    counted
}

/// What cannot be counted in the template: how long a run takes, how much it logs and reads, how often a key is asked for.
const NOT_IN_THE_TEMPLATE: [&str; 4] =
    ["lambda_gb_second", "log_gigabyte", "dynamodb_read_unit", "key_request"];

#[test]
fn what_stands_is_what_the_template_makes() {
    for with_vpc in [false, true] {
        let usage = Usage::shipped().unwrap();
        let usage = if with_vpc { usage.with_vpc().unwrap() } else { usage };
        let standing: BTreeMap<&str, Decimal> = usage
            .standing_month
            .iter()
            .map(|(name, units)| (name.as_str(), *units))
            .filter(|(name, _)| !NOT_IN_THE_TEMPLATE.contains(name))
            .collect();
        assert_eq!(standing, counted(with_vpc), "with_vpc: {with_vpc}");
    }
}

#[test]
fn backups_are_kept_as_long_as_the_template_says() {
    let days = TEMPLATE.split("\n  BackupRetentionDays:\n").nth(1).unwrap();
    let days = days.lines().find_map(|line| line.trim().strip_prefix("Default: ")).unwrap();
    let kept = Usage::shipped().unwrap().kept_month;
    let copies = kept["backup_gigabyte_month"] / kept["table_gigabyte_month"];
    assert_eq!(copies, days.parse::<Decimal>().unwrap());
}

/// Types that cost nothing by themselves, cost by use that `per_email` counts, or are asked for with parameters of their
/// own. A type that is in neither list was not thought about.
const FREE: [&str; 37] = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Backup::BackupPlan",
    "AWS::Backup::BackupSelection",
    "AWS::Backup::BackupVault",
    "AWS::Budgets::Budget",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::DynamoDB::Table",
    "AWS::EC2::FlowLog",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::Route53::RecordSetGroup",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::ScheduleGroup",
];
const PAID: [&str; 9] = [
    "AWS::ApiGatewayV2::Route",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::EC2::VPCEndpoint",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret",
];

#[test]
fn every_type_of_resource_is_known_to_cost_or_not() {
    for resource in resources() {
        let kind = resource.kind.as_str();
        assert!(
            FREE.contains(&kind) != PAID.contains(&kind),
            "{kind}: say in usage.toml and here what it costs"
        );
    }
}
