//! Measures Understudy against its peers and writes `report.json`, `report.md` and plots. Run by `scripts/bench`.
//!
//! Development only: the product never names this crate.

mod affinity;
mod clock;
mod failover;
mod forwarding;
mod graph;
mod load;
mod machine;
mod markdown;
mod peers;
mod plot;
mod replication;
mod report;
mod rivals;
mod rounds;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use forwarding::generator;
use graph::smoke::instructions::Workload;
use machine::Machine;
use report::{Outcome, ReportError};

/// What each benchmark may use.
#[derive(Debug)]
pub(crate) struct Context {
    /// Fewer and shorter rounds, to see whether it works.
    pub(crate) quick: bool,
    /// More, where more finds what is rare.
    pub(crate) long: bool,
    /// The folder that gets the report.
    pub(crate) output: PathBuf,
    /// The program that is measured.
    pub(crate) understudy: PathBuf,
    /// The machine's state.
    pub(crate) machine: Machine,
}

/// A benchmark by its name.
struct Benchmark {
    name: &'static str,
    run: fn(&Context) -> Outcome,
}

/// All of them, in the order of the report. Those that run in this process come last: to start DPDK binds the process to
/// one CPU, and what it starts then inherits that.
const BENCHMARKS: &[Benchmark] = &[
    Benchmark { name: "forwarding", run: forwarding::replay::run },
    Benchmark { name: "workers", run: forwarding::workers::run },
    Benchmark { name: "memif", run: forwarding::memif::run },
    Benchmark { name: "latency", run: forwarding::latency::run },
    Benchmark { name: "rivals", run: |context| rivals::run(&context.understudy, context.quick).into() },
    Benchmark { name: "replication", run: replication::run },
    Benchmark { name: "failover", run: crate::failover::run },
    Benchmark { name: "translation", run: |context| graph::run(context, graph::translation::run) },
    Benchmark { name: "stages", run: |context| graph::run(context, graph::stages::run) },
    Benchmark { name: "scale", run: |context| graph::run(context, graph::scale::run) },
    Benchmark { name: "lifetimes", run: |context| graph::run(context, graph::lifetimes::run) },
    Benchmark { name: "choosing", run: |context| graph::run(context, graph::choosing::run) },
    Benchmark { name: "stalls", run: |context| graph::run(context, graph::stalls::run) },
    Benchmark { name: "footprint", run: |context| graph::run(context, graph::footprint::run) },
    Benchmark { name: "table", run: |_| table::run().into() },
];

/// Measures Understudy against its peers.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// The benchmarks to run; all, if none is named.
    #[arg(value_parser = PossibleValuesParser::new(BENCHMARKS.iter().map(|benchmark| benchmark.name)))]
    benchmarks: Vec<String>,

    /// Fewer and shorter rounds.
    #[arg(long)]
    quick: bool,

    /// An hour of stalls instead of five minutes.
    #[arg(long, conflicts_with = "quick")]
    long: bool,

    /// Only check what does not depend on the machine.
    #[arg(long)]
    smoke: bool,

    /// With --smoke: what is found becomes what is kept.
    #[arg(long, requires = "smoke")]
    bless: bool,

    /// The folder that gets the report.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,

    /// The understudy program to measure; if it is missing, the one beside this program.
    #[arg(long)]
    understudy: Option<PathBuf>,

    /// Today, for the report.
    #[arg(long)]
    date: Option<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The packet generator of the memif benchmarks, which start it themselves.
    Generate(generator::Arguments),
    /// Packets of one kind through a shard, for callgrind to count; --smoke starts it itself.
    Workload {
        /// Their kind.
        workload: Workload,
        /// Batches.
        processed: u32,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let failures = match &arguments.command {
        Some(Command::Generate(arguments)) => failure(generator::run(arguments)),
        Some(Command::Workload { workload, processed }) => failure(workload.run(*processed)),
        None if arguments.smoke => failure(graph::smoke::smoke(arguments.bless)),
        None => measure(arguments).unwrap_or_else(|error| failure(Err(error))),
    };
    for failure in &failures {
        eprintln!("failed: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The one failure that there may be.
fn failure<E: std::error::Error>(result: Result<(), E>) -> Vec<String> {
    result.err().iter().map(|error| report::in_full(error)).collect()
}

/// Runs the chosen benchmarks, each to its end whatever became of the others, and writes the report. Returns what failed.
fn measure(arguments: Arguments) -> Result<Vec<String>, ReportError> {
    let machine = Machine::look(arguments.date);
    let understudy = arguments.understudy.unwrap_or_else(beside_this_program);
    let Arguments { quick, long, output, .. } = arguments;
    let context = Context { quick, long, output, understudy, machine };
    let chosen = &arguments.benchmarks;
    let is_chosen =
        |benchmark: &&Benchmark| chosen.is_empty() || chosen.iter().any(|name| name == benchmark.name);
    let mut outcomes = Vec::new();
    for benchmark in BENCHMARKS.iter().filter(is_chosen) {
        eprintln!("{}:", benchmark.name);
        let mut outcome = (benchmark.run)(&context);
        if outcome.section.title.is_empty() {
            benchmark.name.clone_into(&mut outcome.section.title);
        }
        for failure in &mut outcome.failures {
            *failure = format!("{}: {failure}", benchmark.name);
        }
        outcomes.push(outcome);
        // After each: what was found stays found, whatever happens later.
        report::write(&context.output, &context.machine, &outcomes)?;
    }
    Ok(outcomes.into_iter().flat_map(|outcome| outcome.failures).collect())
}

/// The understudy program that was built together with this one.
fn beside_this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name("understudy")
}
