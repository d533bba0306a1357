//! How large what is deployed is, zipped as Lambda takes it.

use std::path::{Path, PathBuf};
use std::process::Command;

use postrider_bench::Failure;
use postrider_testkit::emulator::python;

/// What the peer is made of besides boto3, which the runtime brings.
const PEER_FILES: [&str; 4] =
    ["dispatch.py", "runtime.py", "order_confirmation.html", "order_confirmation.txt"];
const PEER_PACKAGES: [&str; 2] = ["jinja2", "markupsafe"];
/// The name Lambda wants the program to have.
const BOOTSTRAP: &str = "bootstrap";

/// The zipped program.
pub fn of_program(program: &Path) -> Result<u64, Failure> {
    let directory = tempfile::tempdir()?;
    let named = directory.path().join(BOOTSTRAP);
    std::fs::copy(program, &named)?;
    zipped(&[named])
}

/// The zipped peer, with the libraries that do not come with the runtime.
pub fn of_peer(place: &Path) -> Result<u64, Failure> {
    let packages = PEER_PACKAGES.map(|package| {
        let script = format!("import {package}, os; print(os.path.dirname({package}.__file__))");
        let output = Command::new(python()).args(["-c", &script]).output()?;
        Ok::<PathBuf, Failure>(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
    });
    let mut parts: Vec<PathBuf> = PEER_FILES.map(|file| place.join(file)).into();
    for package in packages {
        parts.push(package?);
    }
    zipped(&parts)
}

fn zipped(parts: &[PathBuf]) -> Result<u64, Failure> {
    let directory = tempfile::tempdir()?;
    let archive = directory.path().join("function.zip");
    let status = Command::new(python()).args(["-m", "zipfile", "-c"]).arg(&archive).args(parts).status()?;
    if !status.success() {
        return Err(format!("python -m zipfile ended with {status}").into());
    }
    Ok(std::fs::metadata(&archive)?.len())
}
