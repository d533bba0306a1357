//! The AWS functions.

fn main() {}
