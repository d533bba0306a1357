//! What hands messages on.
