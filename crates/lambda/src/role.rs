//! Which of the functions this process is.

use std::str::FromStr;

/// One function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Order events out of a queue, sent at once.
    Dispatch,
    /// What SES says about messages, out of a queue.
    Feedback,
    /// The HTTP API.
    Api,
    /// What it costs.
    Cost,
    /// What nobody looks after otherwise.
    Sweep,
}

/// The handler's name is not that of a function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the function's handler is {0:?}, which is none of dispatch, feedback, api, cost and sweep; set the function's Handler \
     property to one of them"
)]
pub struct UnknownRole(pub String);

impl Role {
    /// Every function.
    pub const ALL: [Self; 5] = [Self::Dispatch, Self::Feedback, Self::Api, Self::Cost, Self::Sweep];

    /// The name of its handler.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Feedback => "feedback",
            Self::Api => "api",
            Self::Cost => "cost",
            Self::Sweep => "sweep",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(handler: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == handler)
            .ok_or_else(|| UnknownRole(handler.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handlers_name_is_the_role_and_another_one_says_which_there_are() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for wrong in ["", "Dispatch", "bootstrap", "dispatch "] {
            let error = wrong.parse::<Role>().unwrap_err().to_string();
            assert!(error.contains("dispatch, feedback, api, cost and sweep"), "{error}");
        }
    }
}
