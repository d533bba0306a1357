//! `postrider config`.

use clap::Subcommand;
use postrider_mail::mailers::smtp::SmtpMailer;
use serde_json::json;

use super::Failure;
use crate::cli::GlobalOptions;
use crate::{ledger, runtime};
use postrider_environment::config::{MailerSettings, keys};
use postrider_environment::mailer;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check file, environment and notification types without starting anything
    Check,
    /// Print the configuration reference as Markdown
    #[command(hide = true)]
    Reference,
}

/// Checks the configuration, or prints its reference.
///
/// # Errors
/// The first thing that is wrong.
pub fn run(global: &GlobalOptions, command: &ConfigCommand) -> Result<(), Failure> {
    let output = global.output();
    match command {
        ConfigCommand::Reference => {
            output.line(keys::reference().trim_end());
            Ok(())
        }
        ConfigCommand::Check => {
            let settings = global.settings()?;
            runtime::load_types(&settings).map_err(|error| Failure::because(&error))?;
            let mailer = match &settings.mailer {
                MailerSettings::Outbox => "outbox".to_owned(),
                MailerSettings::Ses(ses) => {
                    if let Some(smtp) = &ses.fallback {
                        SmtpMailer::new(smtp.clone()).map_err(|error| Failure::because(&error))?;
                    }
                    mailer::describe(&settings)
                }
                MailerSettings::Smtp(smtp) => {
                    // Finds out what only this machine can tell, such as that it has no root certificates.
                    SmtpMailer::new(smtp.clone()).map_err(|error| Failure::because(&error))?;
                    format!("smtp to {}:{}", smtp.host, smtp.port)
                }
            };
            let text = format!(
                "the configuration is good\n  listen  {}\n  ledger  {}\n  mailer  {mailer}",
                settings.listen,
                ledger::describe(&settings)
            );
            let json = json!({
                "ok": true, "listen": settings.listen.to_string(),
                "ledger": ledger::describe(&settings), "mailer": mailer
            });
            output.show(&json, &text);
            Ok(())
        }
    }
}
