//! An installation: the template and an environment's parameters in an account of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use postrider_testkit::emulator::{Account, Deployment};
use serde_json::Value;

/// Whatever a release brings along beside the environment's file.
const BUCKET: &str = "artifacts";
const KEY: &str = "release.zip";

/// The parameters of a deployment.
pub type Parameters = BTreeMap<String, String>;

/// What an engineer deploys with.
pub fn deploy_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/aws")
}

/// The template as it is in the repository.
pub fn template() -> String {
    std::fs::read_to_string(deploy_folder().join("postrider.yaml")).unwrap()
}

/// A template by which an update fails at `ApiFaultsAlarm`.
pub fn broken_template() -> String {
    let alarm = "  ApiFaultsAlarm:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n";
    let broken = template().replace(alarm, &format!("{alarm}      Colour: red\n"));
    assert_ne!(broken, template());
    broken
}

/// The parameters of an environment's file with those of a release, and `more`.
pub fn parameters(environment: &str, account: &Account, more: &[(&str, &str)]) -> Parameters {
    let file = deploy_folder().join(format!("environments/{environment}.json"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let bucket = bucket(account);
    let release = [
        ("ReleaseId", "r-1"),
        ("ArtifactBucket", &*bucket),
        ("ArtifactKey", KEY),
        ("Architecture", "x86_64"),
    ];
    let of_file = file["Parameters"].as_object().unwrap().iter();
    let of_file = of_file.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let others = release.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    of_file.chain(others).collect()
}

/// The bucket for artifacts. Names of buckets are the world's.
pub fn bucket(account: &Account) -> String {
    format!("{BUCKET}-{}", account.number())
}

/// The parameters that run the functions in a network of their own.
pub const VPC: [(&str, &str); 2] = [("EnableVpc", "true"), ("DynamoDbPrefixListId", "pl-0123456789abcdef0")];

/// Everything of the template that comes only with a parameter.
pub fn everything() -> Vec<(&'static str, &'static str)> {
    let mut all = VPC.to_vec();
    all.extend([
        ("ApiAuthorization", "JWT"),
        ("JwtIssuer", "https://issuer.example"),
        ("JwtAudience", "orders"),
        ("BackupCopyVaultArn", "arn:aws:backup:eu-west-1:123456789012:backup-vault:copies"),
        ("SecretReplicaRegion", "eu-west-1"),
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/boundary"),
        ("EventTypes", "order.confirmed,order.shipped"),
    ]);
    all
}

/// A new account with the functions' zip file in a bucket, and nothing else.
pub fn account_with_artifact() -> Account {
    let account = Account::new();
    // Nothing looks into it: the tests run the program that was built beside them.
    account.put_object(&bucket(&account), KEY, b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    account
}

/// Deploys the template, which must come up.
pub fn deploy(account: &Account, parameters: &Parameters) -> Deployment {
    let name = format!("postrider-{}", parameters["Environment"]);
    let stack = Deployment::create(account, &name, &template(), parameters)
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(stack.status(), ("CREATE_COMPLETE".to_owned(), String::new()));
    stack
}

/// The stack is updated, which must succeed.
pub fn update(stack: &Deployment, parameters: &Parameters) {
    stack.update(&template(), parameters).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(stack.status(), ("UPDATE_COMPLETE".to_owned(), String::new()));
}
