//! Several nodes on one PostgreSQL: each sender is at one node, its receiver at the next one. Beside them, in the
//! same rounds, one relay on SQLite; and what bare PostgreSQL makes of the same groups.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::environment::Environment;
use crate::postgres::Bare;
use crate::process::raise_open_files;
use crate::report::{Unit, aligned, shown};
use crate::run::{IN_FLIGHT, least, most, step};
use crate::scale::Scale;
use crate::servers::{self, Sockets};
use crate::subject::{Connected, Saturation, Subject, count};

/// What is measured, in the order of its columns: how many nodes, and whether NATS is between them.
const NODES: [(usize, bool); 5] = [(1, false), (2, false), (3, false), (2, true), (3, true)];
/// The share of what bare PostgreSQL makes of the same groups that two nodes are to reach.
const SHARE: f64 = 0.6;

/// What to run, and with what.
pub(crate) struct Plan {
    /// The `sprag` program.
    pub(crate) sprag: PathBuf,
    /// An empty folder, on the disk that is to be measured.
    pub(crate) folder: PathBuf,
    /// The address of a database in which schemas may be made.
    pub(crate) postgres: String,
    pub(crate) nats: String,
    pub(crate) scale: Scale,
}

/// Starts nodes on one schema.
fn nodes(plan: &Plan, (count, over_nats): (usize, bool)) -> Result<Sockets> {
    let name = name(count, over_nats);
    let schema = format!("options=-csearch_path%3Dbench_{count}_{over_nats}");
    let store = format!("{}?{schema}", plan.postgres);
    let mut flags = vec!["--store", &store];
    if over_nats {
        flags.extend(["--bus", &plan.nats]);
    }
    let pairs = plan.scale.pairs + 1;
    let nodes = (0..count).map(|node| {
        let folder = plan.folder.join(format!("{name}, {node}"));
        servers::relay(&plan.sprag, &folder, 2 * pairs, &flags)
    });
    Sockets::of_pairs(nodes.collect::<Result<_>>()?, pairs)
}

fn name(count: usize, over_nats: bool) -> String {
    let bus = if over_nats { "NATS" } else { "NOTIFY" };
    if count == 1 { "1 node".into() } else { format!("{count}, {bus}") }
}

/// One work, and its figure on each server.
#[derive(Serialize)]
struct Row {
    work: String,
    unit: Unit,
    figures: BTreeMap<String, f64>,
}

/// Everything that one run measured.
#[derive(Serialize)]
pub(crate) struct Report {
    environment: Environment,
    servers: Vec<String>,
    rows: Vec<Row>,
    targets: Vec<String>,
}

/// Measures everything, and says on standard error what it is at.
pub(crate) fn run(plan: &Plan) -> Result<Report> {
    let environment = Environment::look(&plan.folder, None, raise_open_files())?;
    step("start the servers, register accounts");
    let pairs = plan.scale.pairs;
    let sqlite = Sockets::relay(&plan.sprag, &plan.folder.join("sqlite"), pairs + 1)?;
    let mut servers: Vec<(String, Box<dyn Subject>)> =
        vec![("SQLite".into(), Box::new(Connected::new(sqlite, pairs)?))];
    for (count, over_nats) in NODES {
        let nodes = Connected::new(self::nodes(plan, (count, over_nats))?, pairs)?;
        servers.push((name(count, over_nats), Box::new(nodes)));
    }
    let mut report = Report {
        environment,
        servers: servers.iter().map(|(name, _)| name.clone()).collect(),
        rows: Vec::new(),
        targets: Vec::new(),
    };
    let mut best = Vec::new();
    for in_flight in IN_FLIGHT {
        best = report.messages(plan, &mut servers, in_flight)?;
    }
    report.latency(plan, &mut servers)?;
    drop(servers);
    report.bare(plan, &best)?;
    Ok(report)
}

impl Report {
    /// The best round of each server, in the order of the columns.
    fn messages(
        &mut self,
        plan: &Plan,
        servers: &mut [(String, Box<dyn Subject>)],
        in_flight: u64,
    ) -> Result<Vec<Saturation>> {
        let work = format!("messages, {in_flight} in flight");
        let rounds = rounds(plan, servers, &work, |server| {
            server.saturate(in_flight, plan.scale.saturation)
        })?;
        let best = rounds.into_iter().map(|rounds| {
            let best = rounds.into_iter().max_by(|a, b| a.rate.total_cmp(&b.rate));
            best.context("there were rounds")
        });
        let best = best.collect::<Result<Vec<_>>>()?;
        let rates = best.iter().map(|best| Some(best.rate)).collect();
        self.row(&work, Unit::PerSecond, rates);
        let cpu = best.iter().map(|best| best.cpu).collect();
        self.row(&format!("{work}: CPU of all nodes for each"), Unit::Seconds, cpu);
        let batches = best.iter().map(|best| best.batch).collect();
        self.row(&format!("{work}: for each commit"), Unit::Count, batches);
        Ok(best)
    }

    fn latency(&mut self, plan: &Plan, servers: &mut [(String, Box<dyn Subject>)]) -> Result<()> {
        let (step, paced) = (plan.scale.step, plan.scale.paced);
        let rounds = rounds(plan, servers, "latency", |server| {
            let times = server.pace(step, paced)?;
            let [[a, b], [c, d]] = [&times.accepted, &times.delivered]
                .map(|times| [0.5, 0.99].map(|quantile| count(times.value_at_quantile(quantile))));
            Ok([a?, b?, c?, d?])
        })?;
        let works = ["accepted p50", "accepted p99", "delivered p50", "delivered p99"];
        for (index, work) in works.iter().enumerate() {
            let figures = rounds.iter().map(|rounds| {
                least(rounds.iter().filter_map(|figures| figures.get(index)).map(|ns| ns * 1e-9))
            });
            let figures: Vec<_> = figures.collect();
            if *work == "delivered p50" {
                self.aims(&figures, "delivered p50 under 5 ms", |p50| p50 < 5e-3);
            }
            self.row(&format!("latency at 100/s, {work}"), Unit::Seconds, figures);
        }
        Ok(())
    }

    /// Bare PostgreSQL, with groups as two nodes had them.
    fn bare(&mut self, plan: &Plan, best: &[Saturation]) -> Result<()> {
        step("bare PostgreSQL");
        let two = NODES.iter().position(|nodes| *nodes == (2, false)).context("two nodes")?;
        let reached = best.get(two + 1).context("two nodes were measured")?;
        // Each group of sends is followed by one of acknowledgements; both are commits.
        let group = 2.0 * reached.batch.context("nodes tell how often they commit")?;
        let bare = Bare::create(&plan.postgres)?;
        let rounds = (0..=plan.scale.rounds).map(|_| bare.measure(group, 2, plan.scale.saturation));
        let rates = rounds.skip(1).collect::<Result<Vec<_>>>()?;
        let limit = most(rates).context("there were rounds")?;
        let share = reached.rate / limit;
        let line = format!(
            "bare PostgreSQL, 2 connections that store {group:.0} messages in each commit and 2 that \
             delete them: {}; two nodes reach {share:.2} of it ({SHARE} or 25,000/s is the aim): {}",
            shown(Unit::PerSecond, limit),
            outcome(share >= SHARE || reached.rate >= 25_000.0),
        );
        self.targets.push(line);
        Ok(())
    }

    fn aims(&mut self, figures: &[Option<f64>], aim: &str, reached: impl Fn(f64) -> bool) {
        let all = figures.iter().all(|figure| figure.is_some_and(&reached));
        self.targets.push(format!("{aim}, everywhere: {}", outcome(all)));
    }

    fn row(&mut self, work: &str, unit: Unit, figures: Vec<Option<f64>>) {
        let servers = self.servers.iter().cloned();
        let figures = servers.zip(figures).filter_map(|(name, figure)| Some((name, figure?)));
        self.rows.push(Row { work: work.to_owned(), unit, figures: figures.collect() });
    }

    /// For a program: plain numbers; seconds, per second.
    pub(crate) fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).context("cannot write JSON")
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let head = ["work".to_owned()].into_iter().chain(self.servers.iter().cloned());
        let mut cells = vec![head.collect::<Vec<_>>()];
        cells.extend(self.rows.iter().map(|row| {
            let figures = self.servers.iter().map(|name| {
                row.figures.get(name).map_or_else(|| "-".into(), |figure| shown(row.unit, *figure))
            });
            [row.work.clone()].into_iter().chain(figures).collect()
        }));
        let environment = self.environment.text();
        format!("{environment}\n\n{}\n\n{}", aligned(&cells), self.targets.join("\n"))
    }
}

fn outcome(reached: bool) -> &'static str {
    if reached { "reached" } else { "MISSED" }
}

/// A round that does not count, then those that do; each server in turn.
fn rounds<T>(
    plan: &Plan,
    servers: &mut [(String, Box<dyn Subject>)],
    work: &str,
    mut measure: impl FnMut(&mut dyn Subject) -> Result<T>,
) -> Result<Vec<Vec<T>>> {
    let mut all: Vec<Vec<T>> = servers.iter().map(|_| Vec::new()).collect();
    for round in 0..=plan.scale.rounds {
        step(&format!("{work}: round {round} of {}", plan.scale.rounds));
        for ((_, server), figures) in servers.iter_mut().zip(&mut all) {
            let figure = measure(server.as_mut())?;
            if round > 0 {
                figures.push(figure);
            }
        }
    }
    Ok(all)
}
