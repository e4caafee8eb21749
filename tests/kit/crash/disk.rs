//! A disk that is full, and a system that refuses writes.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::installation::Running;

const BALLAST_PIECE_BYTES: usize = 4096;

/// A small disk of its own, in memory.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `folder`; why not, when that may not be.
    pub(crate) fn mount(folder: &Path, size_megabytes: u32) -> Result<Self, String> {
        fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size_megabytes}m"), "tmpfs"]).arg(folder);
        let output = mount.output().map_err(|error| format!("mount: {error}"))?;
        if output.status.success() {
            Ok(Self { folder: folder.to_owned() })
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        loop {
            match ballast.write(&[0; BALLAST_PIECE_BYTES]) {
                Ok(_) => (),
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("filling the disk: {error}"),
            }
        }
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a failed story may still have the program on it.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        if !unmounted.as_ref().is_ok_and(std::process::ExitStatus::success) {
            eprintln!("{} stays mounted: {unmounted:?}", self.folder.display());
        }
    }
}

/// Starts what follows so that a write beyond the limit fails; usually the process would end.
pub(crate) const IGNORING_THE_LIMITS_SIGNAL: &[&str] = &["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];

/// From now on `running` cannot write beyond `bytes` in any file; `None` for as far as it likes.
pub(crate) fn limit_files(running: &Running, bytes: Option<u64>) {
    let soft = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let mut prlimit = Command::new("prlimit");
    prlimit.args([format!("--pid={}", running.process_id()), format!("--fsize={soft}:")]);
    assert!(prlimit.status().unwrap().success());
}
