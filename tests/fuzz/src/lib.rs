//! The ways in of the corpus, compiled for libFuzzer.

#[path = "../../damage/answers.rs"]
mod answers;
#[path = "../targets.rs"]
pub mod targets;
