//! Nonsense from outside: whatever comes over the line, nothing panics, and nothing goes on without end.
//!
//! Runs for a second each under `cargo test`; BOLERO_RANDOM_TEST_TIME_MS says otherwise (scripts/test).
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod pair;

use std::time::Duration;

use bolero::TypeGenerator;
use failover_serial::{Channel, ChannelSettings, Mirror, MirrorEvent, MirrorSettings, Received};
use model::{ConfigurationMark, Instant, UnitState};
use pair::{START, key, mark};

/// One thing that happens to a channel.
#[derive(Debug, TypeGenerator)]
enum LineEvent {
    Noise(Vec<u8>),
    Frame { kind: u8, sequence: u16, is_peer: bool, is_for_us: bool, payload: Vec<u8> },
    Genuine { skip: u8, flip: Option<(u8, u8)> },
    Message(u8),
    Beat,
    Reset,
    Wait(u16),
}

const OURS: u32 = 0x11;
const THEIRS: u32 = 0x22;

/// A correct frame of nonsense: docs/CABLE.md says how it is made.
fn frame(kind: u8, sequence: u16, boots: (u32, u32), payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 1 + kind % 6];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(boots.0.to_be_bytes());
    if bytes[1] != 1 {
        bytes.extend(boots.1.to_be_bytes());
    }
    bytes.extend(payload.iter().take(100));
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    let mut wire = cobs::encode_vec(&bytes);
    wire.push(0);
    wire
}

fn happen(channel: &mut Channel, peer: &mut Channel, now: &mut Instant, event: &LineEvent) {
    match event {
        LineEvent::Noise(bytes) => channel.receive(*now, bytes),
        LineEvent::Frame { kind, sequence, is_peer, is_for_us, payload } => {
            let from = if *is_peer { THEIRS } else { OURS };
            let to = if *is_for_us { OURS } else { 0x33 };
            channel.receive(*now, &frame(*kind, sequence % 80, (from, to), payload));
        }
        LineEvent::Genuine { skip, flip } => {
            let mut wire = Vec::new();
            while peer.poll_transmit(*now, &mut wire) {
                if let Some((place, change)) = flip {
                    let place = usize::from(*place) % wire.len();
                    wire[place] ^= change;
                }
                channel.receive(*now, wire.get(usize::from(skip % 4)..).unwrap_or_default());
            }
        }
        LineEvent::Message(length) => {
            channel.send_message(vec![1; usize::from(*length) * 3]);
            peer.send_message(vec![2; usize::from(*length) * 3]);
        }
        LineEvent::Beat => channel.send_beat(*now, b"beat"),
        LineEvent::Reset => channel.reset(*now),
        LineEvent::Wait(milliseconds) => *now = *now + Duration::from_millis(u64::from(*milliseconds)),
    }
}

#[test]
fn a_line_that_brings_nonsense() {
    bolero::check!().with_type::<Vec<LineEvent>>().for_each(|events| {
        let channel = |boot| Channel::new(ChannelSettings::new(key()), boot, START);
        let (mut ours, mut theirs) = (channel(OURS), channel(THEIRS));
        let (mut now, mut wire) = (START, Vec::new());
        for event in events {
            happen(&mut ours, &mut theirs, &mut now, event);
            let mut handed_out = 0;
            while ours.poll_transmit(now, &mut wire) {
                handed_out += 1;
                theirs.receive(now, &wire);
            }
            assert!(handed_out <= 10, "more than the line takes");
            while let Some(received) = ours.poll_received() {
                let (Received::Beat(bytes) | Received::Message(bytes)) = received;
                assert!(bytes.len() <= failover_serial::MESSAGE_BYTES_MOST);
            }
            let _ = (ours.deadline(), ours.status());
        }
    });
}

/// One message that only who has the key can send, or something that happens here.
#[derive(Debug, TypeGenerator)]
enum MirrorInput {
    Anything(Vec<u8>),
    Begin { state: u8, generation: u8, document_bytes: u32, packed_bytes: u32, transfer: u8 },
    Chunk { transfer: u8, offset: u16, bytes: Vec<u8> },
    Progress { answer: u8, transfer: u8, offset: u16 },
    Change { base: u8, generation: u8, bytes: Vec<u8> },
    Have { asks: bool, generation: u8 },
    Refused { generation: u8, reason: Vec<u8> },
    Genuine,
    Local(u8),
    LocalChange,
    PeerMark(u8),
    Decide(bool),
    State(bool),
    Reset,
    Wait(u16),
}

fn of(generation: u8) -> ConfigurationMark {
    mark(u32::from(generation % 8), b"a document")
}

fn mark_bytes(generation: u8) -> Vec<u8> {
    let mark = of(generation);
    [mark.generation.to_be_bytes(), mark.digest.to_be_bytes()].concat()
}

/// The message that `input` is, with its kind, without version and tag.
fn body(input: &MirrorInput) -> Option<Vec<u8>> {
    let transfer_bytes = |transfer: &u8| u64::from(transfer % 3).to_be_bytes().to_vec();
    Some(match input {
        MirrorInput::Anything(bytes) => bytes.iter().copied().take(300).collect(),
        MirrorInput::Begin { state, generation, document_bytes, packed_bytes, transfer } => {
            let sizes = [(document_bytes % 300).to_be_bytes(), (packed_bytes % 300).to_be_bytes()].concat();
            let head = [vec![1, state % 3], mark_bytes(*generation), transfer_bytes(transfer)].concat();
            [head, sizes, vec![9; 32]].concat()
        }
        MirrorInput::Chunk { transfer, offset, bytes } => {
            let offset = u32::from(offset % 300).to_be_bytes().to_vec();
            [vec![2], transfer_bytes(transfer), offset, bytes.iter().copied().take(300).collect()].concat()
        }
        MirrorInput::Progress { answer, transfer, offset } => {
            let offset = u32::from(*offset).to_be_bytes().to_vec();
            [vec![3, answer % 4], transfer_bytes(transfer), offset].concat()
        }
        MirrorInput::Change { base, generation, bytes } => {
            let bytes = bytes.iter().copied().take(300).collect();
            [vec![4], mark_bytes(*base), mark_bytes(*generation), bytes].concat()
        }
        MirrorInput::Have { asks, generation } => {
            [vec![5, u8::from(*asks)], mark_bytes(*generation)].concat()
        }
        MirrorInput::Refused { generation, reason } => {
            [vec![6], mark_bytes(*generation), reason.clone()].concat()
        }
        _ => return None,
    })
}

/// Seals as the documentation says.
fn seal(body: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let mut message = [&[1], body].concat();
    let mut hmac = Hmac::<sha2::Sha256>::new_from_slice(&[7; 32]).unwrap();
    hmac.update(b"understudy mirror");
    hmac.update(&message);
    message.extend(&hmac.finalize().into_bytes()[..16]);
    message
}

fn happen_to(mirror: &mut Mirror, peer: &mut Mirror, now: &mut Instant, input: &MirrorInput) {
    if let Some(body) = body(input) {
        mirror.receive(*now, &seal(&body));
        return;
    }
    match input {
        MirrorInput::Genuine => {
            let messages: Vec<_> = std::iter::from_fn(|| peer.poll_transmit(*now)).take(40).collect();
            messages.iter().for_each(|message| mirror.receive(*now, message));
        }
        MirrorInput::Local(generation) => {
            mirror.set_document(*now, of(*generation), b"a document".to_vec());
        }
        MirrorInput::LocalChange => {
            let generation = mirror.status().mark.generation + 1;
            mirror.change(*now, ConfigurationMark { generation, digest: 5 }, b"change".to_vec());
        }
        MirrorInput::PeerMark(generation) => mirror.peer_mark(*now, of(*generation)),
        MirrorInput::State(is_active) => {
            mirror.set_state(*now, if *is_active { UnitState::Active } else { UnitState::Standby });
        }
        MirrorInput::Reset => mirror.reset(*now),
        MirrorInput::Wait(milliseconds) => *now = *now + Duration::from_millis(u64::from(*milliseconds)),
        MirrorInput::Decide(_) => {
            while let Some(event) = mirror.poll_event() {
                match event {
                    MirrorEvent::Document { mark, .. } => mirror.accept(*now, mark),
                    MirrorEvent::Change { mark, .. } => mirror.refuse(*now, mark, "no"),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[test]
fn an_authentic_peer_that_talks_nonsense() {
    bolero::check!().with_type::<(bool, Vec<MirrorInput>)>().for_each(|(is_active, inputs)| {
        let state = |is_active| if is_active { UnitState::Active } else { UnitState::Standby };
        let settings = MirrorSettings { key: key(), message_bytes: 128 };
        let new = |generation, is_active| {
            let document = b"a document".to_vec();
            Mirror::new(settings.clone(), of(generation), document, state(is_active), START)
        };
        let (mut mirror, mut peer) = (new(3, *is_active), new(5, !is_active));
        let mut now = START;
        for input in inputs {
            happen_to(&mut mirror, &mut peer, &mut now, input);
            let messages: Vec<_> = std::iter::from_fn(|| mirror.poll_transmit(now)).take(201).collect();
            assert!(messages.len() <= 200, "it comes to rest");
            messages.iter().for_each(|message| peer.receive(now, message));
            let _ = (mirror.deadline(), mirror.status(), mirror.wants_document());
        }
    });
}
