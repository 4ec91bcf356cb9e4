//! What is balanced: virtual servers, real servers, bindings and timeouts, checked once and immutable after.
use std::ops::Range;
use std::time::Duration;

use model::ServerName;

/// Checked configuration.
#[derive(Clone, Debug)]
pub struct Configuration {
    virtual_servers: Vec<VirtualServer>,
    real_servers: Vec<RealServer>,
    bindings: Vec<Binding>,
    timeouts: Timeouts,
    tcp_without_connection: TcpWithoutConnection,
}
/// P
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor { 
/// x
LeastConnections, 
/// x
WeightedLeastConnections, 
/// x
RoundRobin, 
/// x
WeightedRoundRobin }
/// T
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpWithoutConnection { 
/// x
Drop, 
/// x
Reset }
/// V
#[derive(Clone, Debug)]
pub struct VirtualServer { name: ServerName, predictor: Predictor, in_service: bool, bindings: Range<usize> }
/// R
#[derive(Clone, Debug)]
pub struct RealServer { name: ServerName, weight: u16, in_service: bool }
/// B
#[derive(Clone, Debug)]
pub struct Binding { virtual_server: usize, real_server: usize }
/// T
#[derive(Clone, Debug)]
pub struct Timeouts { a: [Duration; 6] }
#[allow(missing_docs)]
impl Timeouts {
    pub fn tcp_syn(&self) -> Duration { self.a[0] }
    pub fn tcp_established(&self) -> Duration { self.a[1] }
    pub fn tcp_half_closed(&self) -> Duration { self.a[2] }
    pub fn tcp_closed(&self) -> Duration { self.a[3] }
    pub fn tcp_reset(&self) -> Duration { self.a[4] }
    pub fn udp(&self) -> Duration { self.a[5] }
}
#[allow(missing_docs)]
impl Configuration {
    pub fn virtual_servers(&self) -> &[VirtualServer] { &self.virtual_servers }
    pub fn real_servers(&self) -> &[RealServer] { &self.real_servers }
    pub fn bindings(&self) -> &[Binding] { &self.bindings }
    pub fn timeouts(&self) -> &Timeouts { &self.timeouts }
    pub fn tcp_without_connection(&self) -> TcpWithoutConnection { self.tcp_without_connection }
}
#[allow(missing_docs)]
impl VirtualServer {
    pub fn name(&self) -> ServerName { self.name }
    pub fn predictor(&self) -> Predictor { self.predictor }
    pub fn is_in_service(&self) -> bool { self.in_service }
    pub fn bindings(&self) -> Range<usize> { self.bindings.clone() }
}
#[allow(missing_docs)]
impl RealServer {
    pub fn name(&self) -> ServerName { self.name }
    pub fn weight(&self) -> u16 { self.weight }
    pub fn is_in_service(&self) -> bool { self.in_service }
}
#[allow(missing_docs)]
impl Binding {
    pub fn virtual_server(&self) -> usize { self.virtual_server }
    pub fn real_server(&self) -> usize { self.real_server }
}
