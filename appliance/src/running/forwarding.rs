//! Handing a configuration out to the workers: all that they have from it is made here, and taken between two bursts.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, TrySendError, bounded};
use director::{Configuration, ShardConfiguration};

use super::requests::{Plans, Reconfigure, WorkerRequest};
use crate::groups::Groups;
use crate::platform;

/// How long a worker may take to go on with another configuration. It needs microseconds; if it takes this long, it is stuck.
const PATIENCE: Duration = Duration::from_secs(2);

/// Those who forward by the configuration.
pub(crate) struct Forwarding {
    /// What shards are made of, by worker and group.
    pub(crate) shards: Vec<Vec<ShardConfiguration>>,
    /// Where workers take requests.
    pub(crate) workers: Vec<Sender<WorkerRequest>>,
}

/// A worker that has not taken a configuration. Who drops this has the worker free what it replaces.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) worker: usize,
    requests: Sender<WorkerRequest>,
    /// What it had no room for.
    unsent: Option<WorkerRequest>,
    answer: Receiver<Plans>,
}

impl Late {
    /// Whether it has taken it by now. A worker that has ended takes the unit along.
    pub(super) fn has_come(&mut self, patience: Duration) -> bool {
        if let Some(request) = self.unsent.take() {
            match self.requests.send_timeout(request, patience) {
                Ok(()) | Err(SendTimeoutError::Disconnected(_)) => {}
                Err(SendTimeoutError::Timeout(request)) => {
                    self.unsent = Some(request);
                    return false;
                }
            }
        }
        !matches!(self.answer.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
    }
}

impl Forwarding {
    /// Has all workers go on with `configuration`, and waits until they do. Returns those that have not taken it yet.
    pub(super) fn hand_out(&self, configuration: &Arc<Configuration>, groups: &Arc<Groups>) -> Vec<Late> {
        let mut waiting = Vec::new();
        for (worker, plans) in self.plans(configuration, groups).into_iter().enumerate() {
            let (reply, answer) = bounded(1);
            let requests = self.workers[worker].clone();
            let request = WorkerRequest::Reconfigure(Reconfigure { plans, reply });
            let unsent = requests.try_send(request).err().map(TrySendError::into_inner);
            waiting.push(Late { worker, requests, unsent, answer });
        }
        let deadline = platform::now() + PATIENCE;
        waiting.retain_mut(|late| !late.has_come(deadline.since(platform::now())));
        waiting
    }

    /// By worker. They are all made before the first is handed out, so that the workers change at about the same time.
    fn plans(&self, configuration: &Arc<Configuration>, groups: &Arc<Groups>) -> Vec<Plans> {
        let parts = parts_of(configuration, groups.count());
        let of_worker = |shards: &Vec<ShardConfiguration>| Plans {
            shards: shards.iter().zip(&parts).map(|(shard, part)| Some(shard.plan(part))).collect(),
            groups: Arc::clone(groups),
        };
        self.shards.iter().map(of_worker).collect()
    }
}

/// What each of so many groups' shards get of a configuration.
pub(crate) fn parts_of(configuration: &Arc<Configuration>, groups: usize) -> Vec<Arc<Configuration>> {
    match groups {
        1 => vec![Arc::clone(configuration)],
        _ => (0..groups).map(|group| Arc::new(configuration.of_group(group))).collect(),
    }
}
