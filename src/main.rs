//! The `yinxin` command: reads the arguments and runs one command.

use std::process::ExitCode;

use clap::Parser;
use yinxin::commands::Command;

/// Requests make and drop many small things on every thread; this one gives and takes them quickest, and holds on to least
/// (BENCHMARKS.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 印信 Yinxin: identity, decisions, seals, e-certificates and the log under them.
#[derive(Parser)]
#[command(name = "yinxin", version, about, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return yinxin::commands::failed(&error),
    };
    runtime.block_on(arguments.command.run())
}
