//! Stacks of CloudFormation.

use std::collections::BTreeMap;

use serde_json::Value;

use super::account::{Account, REGION, Refusal};

/// The bucket that holds templates, an account's own.
fn bucket(account: &Account) -> String {
    format!("templates-{}", account.number())
}

/// A stack.
#[derive(Clone, Debug)]
pub struct Deployment {
    account: Account,
    name: String,
}

impl Deployment {
    /// Deploys a template as a new stack. The answer comes when everything is made, or taken back.
    ///
    /// # Errors
    /// What CloudFormation refuses before it makes anything. Whether the stack came up is in [`Self::status`].
    ///
    /// # Panics
    /// If the template cannot be put into S3.
    pub fn create(
        account: &Account,
        name: &str,
        template: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, Refusal> {
        let stack = Self { account: account.clone(), name: name.to_owned() };
        stack.send("CreateStack", template, parameters)?;
        Ok(stack)
    }

    /// Deploys a template, or other parameters, over what is there.
    ///
    /// # Errors
    /// As [`Self::create`].
    ///
    /// # Panics
    /// As [`Self::create`].
    pub fn update(&self, template: &str, parameters: &BTreeMap<String, String>) -> Result<(), Refusal> {
        self.send("UpdateStack", template, parameters)
    }

    /// Makes a change set of the template and the parameters, and tells how it describes itself, in XML.
    ///
    /// # Errors
    /// As [`Self::create`].
    ///
    /// # Panics
    /// As [`Self::create`].
    pub fn plan(
        &self,
        change_set: &str,
        template: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<String, Refusal> {
        let mut fields = self.fields(template, parameters);
        fields.push(("ChangeSetName".to_owned(), change_set.to_owned()));
        fields.push(("ChangeSetType".to_owned(), "UPDATE".to_owned()));
        self.account.form("cloudformation", "CreateChangeSet", &fields)?;
        self.account.form("cloudformation", "DescribeChangeSet", &self.of(change_set))
    }

    /// Does what a change set describes.
    ///
    /// # Errors
    /// What CloudFormation refuses.
    pub fn execute(&self, change_set: &str) -> Result<(), Refusal> {
        self.account.form("cloudformation", "ExecuteChangeSet", &self.of(change_set)).map(|_| ())
    }

    fn of(&self, change_set: &str) -> [(String, String); 2] {
        [("StackName", &*self.name), ("ChangeSetName", change_set)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// Deletes it. What is retained stays.
    ///
    /// # Errors
    /// What CloudFormation refuses.
    pub fn delete(&self) -> Result<(), Refusal> {
        let fields = [("StackName".to_owned(), self.name.clone())];
        self.account.form("cloudformation", "DeleteStack", &fields).map(|_| ())
    }

    /// The account it is in.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Everything about it, as [`Account::stack`].
    #[must_use]
    pub fn shown(&self) -> Value {
        self.account.stack(&self.name)
    }

    /// Its status, and the reason if there is one.
    #[must_use]
    pub fn status(&self) -> (String, String) {
        let shown = self.shown();
        let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"))
    }

    fn send(
        &self,
        action: &str,
        template: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let fields = self.fields(template, parameters);
        self.account.form("cloudformation", action, &fields).map(|_| ())
    }

    fn fields(&self, template: &str, parameters: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let bucket = bucket(&self.account);
        let key = format!("{}.yaml", self.name);
        // A template in the request may have 51,200 bytes, one in S3 a million.
        self.account.put_object(&bucket, &key, template.as_bytes());
        let mut fields = vec![
            ("StackName".to_owned(), self.name.clone()),
            ("TemplateURL".to_owned(), format!("https://{bucket}.s3.{REGION}.amazonaws.com/{key}")),
            ("Capabilities.member.1".to_owned(), "CAPABILITY_IAM".to_owned()),
        ];
        for (number, (name, value)) in (1..).zip(parameters) {
            let entry = format!("Parameters.member.{number}");
            fields.push((format!("{entry}.ParameterKey"), name.clone()));
            fields.push((format!("{entry}.ParameterValue"), value.clone()));
        }
        fields
    }
}
