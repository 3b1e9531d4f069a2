//! What the engine asks of the world: the clock, sockets, the kernel's addresses, the log.
//!
//! The daemon implements it with sockets and netlink; the simulation with virtual time, where every call has a cost and
//! may fail. Nothing here waits: what the kernel may take long for is a [job](Io::start), and adverts go on meanwhile.

use crate::run::{Run, RunId};
use crate::time::Instant;
use crate::vrrp::event::{Change, Event, Listen, Name, Packet, Refusal, Report};
use crate::vrrp::garp::Frame;
use crate::vrrp::notice::Notice;
use crate::vrrp::shared::Shared;
use crate::vrrp::track::Watched;
use std::time::Duration;

/// The world as the engine sees it.
pub trait Io {
    /// The present moment.
    fn now(&mut self) -> Instant;

    /// The wall clock, since 1970.
    fn utc(&mut self) -> Duration;

    /// Gives what has come: packets with the time when the kernel received them, and the kernel's news of links and
    /// addresses with the present time. Everything that had arrived when it was called, and not without end: true if
    /// there is more. While a job is under way there are no news of links and addresses: what the job changed is known
    /// before what others did to it afterwards.
    fn receive(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> bool;

    /// Listens there.
    ///
    /// # Errors
    /// Why not, in words.
    fn listen(&mut self, listen: Listen) -> Result<(), Shared<str>>;

    /// So many bytes of adverts may wait on the socket that listens there; 0 is as many as seems right.
    fn set_buffer(&mut self, listen: Listen, bytes: u32);

    /// Does not listen there any more.
    fn unlisten(&mut self, listen: Listen);

    /// Sends adverts in their order, in as few system calls as possible; `failed` gets the index of each that did not
    /// leave, and why in words.
    fn send(&mut self, adverts: &[(Name, Packet)], failed: &mut dyn FnMut(usize, Shared<str>));

    /// Begins to change addresses, in their order, and then to send frames. Only if no job is under way.
    fn start(&mut self, changes: &[Change], frames: &[Frame]);

    /// The job's end, once, and how long it took: `refused` gets the index of each address that was not changed, and
    /// why. Frames that did not leave are lost: announcements are repeated.
    fn finished(&mut self, refused: &mut dyn FnMut(usize, Refusal)) -> Option<Duration>;

    /// Runs a program beside everything else; its end comes through [`Io::receive`] or [`super::Engine::handle`], once.
    fn run(&mut self, run: Run);

    /// Ends a run, or forgets it where it has not begun; its end is told all the same.
    fn cancel_run(&mut self, id: RunId);

    /// From now on looks at these, and at nothing else, and tells what it sees: at once, and whenever it changes.
    fn watch(&mut self, watched: Watched);

    /// Tells scripts, FIFOs and mail readers, in this order. Must not wait for them.
    fn notify(&mut self, notice: &Notice);

    /// Tells people. Must not wait for them.
    fn report(&mut self, instance: Option<&Name>, report: &Report);
}
