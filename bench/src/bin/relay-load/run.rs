//! The run: which measurements, in which order, how often.
//!
//! The servers take turns in each round, so that whatever else the machine does meets all of them; of
//! the rounds the best one counts, as what else a machine does only ever makes a figure worse.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::claims;
use crate::environment::Environment;
use crate::process::raise_open_files;
use crate::report::{Report, Row, Target, Unit};
use crate::scale::Scale;
use crate::servers::{Redis, Sockets};
use crate::sqlite::Rows;
use crate::subject::{Connected, Saturation, Subject, count, idle};

/// Files and connections of ours beside those that are measured.
const MARGIN: usize = 256;
/// How many messages of each sender are submitted and not yet accepted.
pub(crate) const IN_FLIGHT: [u64; 2] = [1, 16];
/// Rows in one commit of bare SQLite.
const BATCHES: [u32; 4] = [1, 64, 512, 1600];

/// What to run, and with what.
pub(crate) struct Plan {
    /// The `sprag` program.
    pub(crate) sprag: PathBuf,
    /// An empty folder, on the disk that is to be measured.
    pub(crate) folder: PathBuf,
    /// `redis-server` and its version, where there is one.
    pub(crate) redis: Option<(PathBuf, String)>,
    pub(crate) scale: Scale,
    /// Only works with this in their names.
    pub(crate) filter: Option<String>,
}

/// The relay, the bare limit, and the peer, where they are measured.
type Servers = [Option<Box<dyn Subject>>; 3];

/// Measures everything, and says on standard error what it is at.
pub(crate) fn run(plan: &Plan) -> Result<Report> {
    let open_files = raise_open_files();
    let version = plan.redis.as_ref().map(|(_, version)| version.clone());
    let environment = Environment::look(&plan.folder, version, open_files)?;
    let mut rows = Vec::new();
    let mut batches = Vec::new();
    let messages =
        IN_FLIGHT.map(|in_flight| (in_flight, format!("messages, {in_flight} in flight")));
    let works = messages.iter().map(|(_, work)| work.as_str()).chain(["latency", "drain"]);
    if works.into_iter().any(|work| plan.wants(work)) {
        let mut servers = plan.servers()?;
        for (in_flight, work) in messages {
            if plan.wants(&work) {
                rows.extend(plan.messages(&mut servers, in_flight, &work, &mut batches)?);
            }
        }
        if plan.wants("latency") {
            rows.extend(plan.latency(&mut servers)?);
        }
        if plan.wants("drain") {
            rows.push(plan.drain(&mut servers)?);
        }
    }
    if plan.wants("commits") {
        rows.extend(plan.commits(&batches)?);
    }
    if plan.wants("claims") {
        step("claims");
        let rates = claims::measure(&plan.sprag, &plan.folder.join("claims"), &plan.scale)?;
        rows.push(Row::new("claims", Unit::PerSecond, [most(rates), None, None]));
    }
    if plan.wants("idle") {
        rows.push(plan.idle(open_files)?);
    }
    ensure!(
        !rows.is_empty(),
        "nothing was measured: there are messages, latency, drain, commits, claims, idle"
    );
    Ok(Report { environment, rows })
}

impl Plan {
    fn wants(&self, work: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| work.contains(filter.as_str()))
    }

    fn servers(&self) -> Result<Servers> {
        step("start the servers, register accounts");
        let pairs = self.scale.pairs;
        let sprag = Sockets::relay(&self.sprag, &self.folder.join("sprag"), pairs + 1)?;
        let echo = Sockets::echo(&self.folder.join("echo"), pairs + 1)?;
        let redis = match &self.redis {
            Some((program, _)) => {
                let redis = Redis::start(program, &self.folder.join("redis"), 2 * pairs)?;
                let redis: Box<dyn Subject> = Box::new(Connected::new(redis, pairs)?);
                Some(redis)
            }
            None => None,
        };
        Ok([
            Some(Box::new(Connected::new(sprag, pairs)?)),
            Some(Box::new(Connected::new(echo, pairs)?)),
            redis,
        ])
    }

    /// A round that does not count, then those that do; each server in turn.
    fn rounds<T>(
        &self,
        servers: &mut Servers,
        work: &str,
        mut measure: impl FnMut(&mut dyn Subject) -> Result<T>,
    ) -> Result<[Vec<T>; 3]> {
        let mut all = [const { Vec::new() }; 3];
        for round in 0..=self.scale.rounds {
            step(&format!("{work}: round {round} of {}", self.scale.rounds));
            for (server, figures) in servers.iter_mut().zip(&mut all) {
                let Some(server) = server else { continue };
                let figure = measure(server.as_mut())?;
                if round > 0 {
                    figures.push(figure);
                }
            }
        }
        Ok(all)
    }

    fn messages(
        &self,
        servers: &mut Servers,
        in_flight: u64,
        work: &str,
        batches: &mut Vec<(u64, Saturation)>,
    ) -> Result<Vec<Row>> {
        let time = self.scale.saturation;
        let all = self.rounds(servers, work, |server| server.saturate(in_flight, time))?;
        let best = all.map(|rounds| rounds.into_iter().max_by(|a, b| a.rate.total_cmp(&b.rate)));
        batches.extend(best.first().copied().flatten().map(|best| (in_flight, best)));
        let least = if in_flight == 1 { 0.8 } else { 1.0 };
        let row = |about: &str, unit, figure: fn(Saturation) -> Option<f64>| {
            Row::new(&format!("{work}{about}"), unit, best.map(|best| best.and_then(figure)))
        };
        Ok(vec![
            row("", Unit::PerSecond, |best| Some(best.rate)).aims(Target::OfPeer(least)),
            row(": CPU of the server for each", Unit::Seconds, |best| best.cpu),
            row(": generator, of one core", Unit::Share, |best| best.generator),
        ])
    }

    fn latency(&self, servers: &mut Servers) -> Result<Vec<Row>> {
        let (step, paced) = (self.scale.step, self.scale.paced);
        let all = self.rounds(servers, "latency", |server| {
            let times = server.pace(step, paced)?;
            let figures = [&times.accepted, &times.delivered]
                .map(|times| [0.5, 0.99].map(|quantile| count(times.value_at_quantile(quantile))));
            let [[a, b], [c, d]] = figures;
            Ok([a?, b?, c?, d?])
        })?;
        let works = ["accepted p50", "accepted p99", "delivered p50", "delivered p99"];
        let rows = works.iter().enumerate().map(|(index, work)| {
            let best = all.each_ref().map(|rounds| {
                least(rounds.iter().filter_map(|figures| figures.get(index)).map(|ns| ns * 1e-9))
            });
            let row = Row::new(&format!("latency at 100/s, {work}"), Unit::Seconds, best);
            if index == 0 { row.aims(Target::AtMost(2e-3)) } else { row }
        });
        Ok(rows.collect())
    }

    fn drain(&self, servers: &mut Servers) -> Result<Row> {
        let waiting = self.scale.drained;
        let all = self.rounds(servers, "drain", |server| server.drain(waiting))?;
        let best = all.map(|rounds| least(rounds.into_iter().map(|took| took.as_secs_f64())));
        let work = format!("drain of {waiting} waiting messages");
        Ok(Row::new(&work, Unit::Seconds, best).aims(Target::AtMost(0.2)))
    }

    /// Bare commits: of fixed sizes, and of those that the relay reached.
    fn commits(&self, reached: &[(u64, Saturation)]) -> Result<Vec<Row>> {
        let mut batches: Vec<_> =
            BATCHES.map(|batch| (format!("commits of {batch}, bare"), batch, None)).into();
        for (in_flight, best) in reached {
            let Some(batch) = best.batch else { continue };
            let work = format!("commits of {batch:.0}, as with {in_flight} in flight");
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a mean of counts"
            )]
            batches.push((work, (batch.round() as u32).max(1), Some(best.rate)));
        }
        let mut bare = Rows::create(&self.folder)?;
        let mut rows = Vec::new();
        for (work, batch, sprag) in batches {
            step(&work);
            let rounds = (0..=self.scale.rounds).map(|_| bare.measure(batch, self.scale.commits));
            let limit = most(rounds.skip(1).collect::<Result<Vec<_>>>()?);
            rows.push(Row::new(&work, Unit::PerSecond, [sprag, limit, None]));
        }
        Ok(rows)
    }

    fn idle(&self, open_files: usize) -> Result<Row> {
        let connections = self.scale.idle.min(open_files.saturating_sub(MARGIN));
        step(&format!("idle: {connections} connections"));
        let folder = |name: &str| self.folder.join("idle").join(name);
        let sprag = Sockets::idle_relay(&self.sprag, &folder("sprag"), connections)?;
        let ours = idle(&sprag, connections)?;
        drop(sprag);
        let limit = idle(&Sockets::echo(&folder("echo"), connections)?, connections)?;
        let peer = match &self.redis {
            Some((program, _)) => {
                idle(&Redis::start(program, &folder("redis"), connections)?, connections)?
            }
            None => None,
        };
        let row = Row::new(
            &format!("memory for each of {connections} idle connections"),
            Unit::Bytes,
            [ours, limit, peer],
        );
        Ok(row.aims(Target::AtMost(12.0 * 1024.0)))
    }
}

/// Says what the run is at.
pub(crate) fn step(what: &str) {
    eprintln!("--> {what}");
}

/// The greatest.
pub(crate) fn most(figures: impl IntoIterator<Item = f64>) -> Option<f64> {
    figures.into_iter().max_by(f64::total_cmp)
}

/// The least.
pub(crate) fn least(figures: impl IntoIterator<Item = f64>) -> Option<f64> {
    figures.into_iter().min_by(f64::total_cmp)
}
