//! Claims of prekeys: many at the same time, from pools that hold one-time ones.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sprag_api::directory::Claimed;

use crate::device::{ONE_TIME, claimed, register};
use crate::http::{Callers, Request};
use crate::scale::Scale;
use crate::servers::{self, Relay};
use crate::subject::count;

/// Claims all prekeys of the targets, in rounds; gives the claims per second of each. No one-time prekey
/// may come twice.
pub(crate) fn measure(sprag: &Path, folder: &Path, scale: &Scale) -> Result<Vec<f64>> {
    let Relay { process: _process, address, .. } =
        servers::relay(sprag, folder, scale.claimers, &[])?;
    let claimers = register(address, "claimer", scale.claimers, false)?;
    let targets = register(address, "target", scale.targets, true)?;
    let mut callers = Callers::connect(address, scale.claimers)?;
    let mut seen = HashSet::new();
    let mut rates = Vec::new();
    let each_round = ONE_TIME / scale.rounds;
    for round in 0..scale.rounds {
        let turns = (0..each_round).flat_map(|_| targets.iter().enumerate());
        let requests = turns.enumerate().map(|(index, (target, account))| {
            // Each target is claimed by all claimers in turn.
            let claimer = (index + target + round) % claimers.len();
            let token = claimers.get(claimer).context("there are claimers")?.token();
            let path = format!("/v1/keys/{}/claim", account.name);
            Request::post(address, &path, Some(token), None::<&()>)
        });
        let requests = requests.collect::<Result<Vec<_>>>()?;
        let claims = requests.len();
        let (answers, took) = callers.call::<Claimed>(requests)?;
        for (answer, target) in answers.iter().zip((0..targets.len()).cycle()) {
            for id in claimed(answer)? {
                ensure!(seen.insert((target, id)), "prekey {id} is handed out twice");
            }
        }
        rates.push(count(u64::try_from(claims)?)? / took.as_secs_f64());
    }
    Ok(rates)
}
