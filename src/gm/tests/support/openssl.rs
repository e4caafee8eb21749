//! The OpenSSL command, as a second opinion.

use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The command and a folder for its files, which goes away afterwards.
pub(crate) struct OpenSsl(TempDir);

impl OpenSsl {
    /// The command, if it is there and knows SM2; said aloud if not.
    pub(crate) fn with_sm2() -> Option<Self> {
        let listed = Command::new("openssl").args(["list", "-public-key-algorithms"]).output();
        let knows = listed
            .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("1.2.156.10197.1.301"));
        if !knows {
            eprintln!("skipped: no openssl command with SM2");
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    /// The path of a new file with `contents`.
    pub(crate) fn file(&self, name: &str, contents: &[u8]) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What the command writes when it reads `input`; it must succeed.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("openssl");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
        output.stdout
    }
}
