//! Writes the seeds that the project makes itself into `corpus/TARGET/NAME`.

use std::path::Path;

// The product below is built with coverage, whose counters are libFuzzer's.
use libfuzzer_sys as _;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"));
    for (target, name, data) in fuzz::seeds() {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), data)?;
    }
    Ok(())
}
