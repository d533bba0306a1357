//! Notification types: which event calls for which e-mail, and what it looks like.
