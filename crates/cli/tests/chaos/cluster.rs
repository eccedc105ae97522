//! Three nodes on one PostgreSQL and one NATS, with a proxy on every link, and who of them is killed when.

use std::net::SocketAddr;
use std::process::Command;

use crate::proxy::Proxy;
use crate::servers::{Nats, Node, Postgres, Programs};
use crate::world::{GENEROUS, World};

pub(crate) const NODES: usize = 3;
/// How often a node may fail to start while its links break.
const STARTS: u32 = 50;
/// While links break, one piece of so many breaks its connection: of clients, to PostgreSQL, to NATS.
const CLIENTS_BREAK: u32 = 150;
const POSTGRES_BREAKS: u32 = 400;
const NATS_BREAKS: u32 = 100;

/// What a node needs to reach others, and where it is itself.
struct Place {
    node: Node,
    postgres: Proxy,
    nats: Proxy,
    address: Option<SocketAddr>,
}

impl Place {
    fn serve(&self, world: &World, number: usize, origin: &str) -> Command {
        let Self { postgres, nats, .. } = self;
        let mut serve = world.command();
        serve.args(["serve", "--json", "--listen=127.0.0.1:0", "--ops-listen=off"]);
        serve.arg(format!("--origin={origin}")).args(GENEROUS);
        serve.arg(format!("--store=postgres://postgres@{}/postgres", postgres.address));
        serve.arg(format!("--bus=nats://{}", nats.address));
        serve.arg("--data").arg(world.path(&format!("node-{number}")));
        serve
    }
}

/// Everything that can be killed but the clients.
pub(crate) struct Cluster {
    /// Where people reach any node: what they say is kept.
    pub(crate) people: Proxy,
    /// Where devices do.
    pub(crate) devices: Proxy,
    // In this order they end.
    places: Vec<Place>,
    nats: (Nats, Option<SocketAddr>),
    postgres: (Postgres, Option<SocketAddr>),
}

impl Cluster {
    pub(crate) fn start(programs: &Programs, world: &World, seed: u64) -> Self {
        let mut links = (1..).map(|link| seed.wrapping_mul(1_000).wrapping_add(link));
        let mut seed = || links.next().unwrap();
        let place = |number: usize| Place {
            node: Node::new(world.path(&format!("node-{number}.log"))),
            postgres: Proxy::without_notes(seed()),
            nats: Proxy::without_notes(seed()),
            address: None,
        };
        let places = (0..NODES).map(place).collect();
        let mut cluster = Self {
            people: Proxy::new(seed()),
            devices: Proxy::without_notes(seed()),
            places,
            nats: (Nats::new(programs), None),
            postgres: (Postgres::new(programs), None),
        };
        cluster.mend(world);
        cluster
    }

    /// From now on connections break, or do no more.
    pub(crate) fn storm(&self, storm: bool) {
        let one_of = |pieces| storm.then_some(pieces);
        for clients in [&self.people, &self.devices] {
            clients.storm(one_of(CLIENTS_BREAK));
        }
        for place in &self.places {
            place.postgres.storm(one_of(POSTGRES_BREAKS));
            place.nats.storm(one_of(NATS_BREAKS));
        }
    }

    /// Where a node is that runs.
    pub(crate) fn address(&self, node: usize) -> SocketAddr {
        self.places[node].address.unwrap()
    }

    pub(crate) fn kill_node(&mut self, node: usize) {
        let place = &mut self.places[node];
        // Nobody is led there who would find a port of somebody else.
        place.address = None;
        self.lead_clients();
        self.places[node].node.kill();
    }

    /// With all at once, or as by `pg_ctl stop --mode=immediate`.
    pub(crate) fn kill_postgres(&mut self, at_once: bool) {
        let (postgres, address) = &mut self.postgres;
        *address = None;
        self.places.iter().for_each(|place| place.postgres.leads_to(vec![None]));
        if at_once { postgres.kill() } else { postgres.quit() }
    }

    pub(crate) fn kill_nats(&mut self) {
        let (nats, address) = &mut self.nats;
        *address = None;
        self.places.iter().for_each(|place| place.nats.leads_to(vec![None]));
        nats.kill();
    }

    /// Starts whatever does not run.
    pub(crate) fn mend(&mut self, world: &World) {
        let (postgres, address) = &mut self.postgres;
        let address = *address.get_or_insert_with(|| postgres.start());
        self.places.iter().for_each(|place| place.postgres.leads_to(vec![Some(address)]));
        let (nats, address) = &mut self.nats;
        let address = *address.get_or_insert_with(|| nats.start());
        self.places.iter().for_each(|place| place.nats.leads_to(vec![Some(address)]));
        for number in 0..NODES {
            let place = &mut self.places[number];
            if place.address.is_none() {
                let mut serve = place.serve(world, number, &self.people.url);
                let started = (0..STARTS).find_map(|_| place.node.start(&mut serve));
                place.address = Some(started.expect("a node starts"));
            }
        }
        self.lead_clients();
    }

    /// What the nodes have logged so far.
    pub(crate) fn logs(&self) -> Vec<String> {
        self.places.iter().map(|place| place.node.logged()).collect()
    }

    fn lead_clients(&self) {
        let nodes: Vec<_> = self.places.iter().map(|place| place.address).collect();
        self.people.leads_to(nodes.clone());
        self.devices.leads_to(nodes);
    }
}
