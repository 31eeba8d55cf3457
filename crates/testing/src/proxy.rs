//! A proxy on loopback that counts bytes, and at one of them has something happen.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// The way of bytes through a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What happens at a byte.
pub enum Fault {
    /// All connections end, on both sides.
    Drop,
    /// Nothing passes any more, and nobody is told.
    BlackHole,
    /// This is done before the next byte passes.
    Call(Box<dyn FnOnce() + Send>),
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drop => "Drop",
            Self::BlackHole => "BlackHole",
            Self::Call(_) => "Call",
        })
    }
}

/// A fault once so many bytes have passed in one direction.
#[derive(Debug)]
pub struct FaultPoint {
    /// Which bytes are counted.
    pub direction: Direction,
    /// How many of them pass, over all connections since the proxy was armed.
    pub after: u64,
    /// What happens then.
    pub fault: Fault,
}

/// A proxy to a port of loopback. It ends, with its connections, when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    target: u16,
    passed: [AtomicU64; 2],
    point: Mutex<Option<FaultPoint>>,
    silent: AtomicBool,
    /// How often connections were ended: what is left of one before does not count.
    epoch: AtomicU64,
    ended: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

/// Bytes of one connection in one direction.
#[derive(Debug, Clone, Copy)]
struct Way {
    epoch: u64,
    direction: Direction,
}

impl Proxy {
    /// Returns a proxy to `port`, at which nothing happens yet.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
        let own = listener.local_addr().expect("a bound address").port();
        let shared = Arc::new(Shared { target: port, ..Shared::default() });
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.accept(&listener))
        };
        Self { port: own, shared, accepting: Some(accepting) }
    }

    /// Returns the port that it listens at, on all addresses of this machine.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends what is open, counts from zero again, and lets `point` happen.
    pub fn arm(&self, point: Option<FaultPoint>) {
        self.shared.drop_connections();
        self.shared.passed.iter().for_each(|count| count.store(0, Ordering::SeqCst));
        self.shared.silent.store(false, Ordering::SeqCst);
        *lock(&self.shared.point) = point;
    }

    /// Returns how many bytes passed since it was armed, in that direction.
    #[must_use]
    pub fn passed(&self, direction: Direction) -> u64 {
        self.shared.passed[direction as usize].load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Who accepts is told by a last connection.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.shared.drop_connections();
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.ended.load(Ordering::SeqCst) {
                return;
            }
            // A client whose server is gone is hung up on.
            let _ = client.and_then(|client| self.join(client));
        }
    }

    fn join(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.target))?;
        for socket in [&client, &server] {
            socket.set_nodelay(true)?;
            lock(&self.sockets).push(socket.try_clone()?);
        }
        let epoch = self.epoch.load(Ordering::SeqCst);
        let (shared, from, to) = (Arc::clone(self), client.try_clone()?, server.try_clone()?);
        thread::spawn(move || shared.pass(from, to, Way { epoch, direction: Direction::Up }));
        let shared = Arc::clone(self);
        thread::spawn(move || {
            shared.pass(server, client, Way { epoch, direction: Direction::Down });
        });
        Ok(())
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, way: Way) {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if self.forward(&mut to, &buffer[..count], way).is_err() {
                break;
            }
        }
        if !self.silent.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    fn forward(&self, to: &mut TcpStream, bytes: &[u8], way: Way) -> io::Result<()> {
        let Some((before, fault)) = self.due(bytes.len() as u64, way) else {
            return self.send(to, bytes, way);
        };
        self.send(to, &bytes[..before], way)?;
        self.happen(fault);
        self.send(to, &bytes[before..], way)
    }

    /// Returns how many of the next bytes pass before the fault, if it is among them.
    fn due(&self, count: u64, way: Way) -> Option<(usize, Fault)> {
        let Way { epoch, direction } = way;
        if epoch != self.epoch.load(Ordering::SeqCst) {
            return None;
        }
        let passed = self.passed[direction as usize].load(Ordering::SeqCst);
        let is_due =
            |point: &mut FaultPoint| point.direction == direction && point.after <= passed + count;
        let point = lock(&self.point).take_if(is_due)?;
        let before = usize::try_from(point.after.saturating_sub(passed)).ok()?;
        Some((before, point.fault))
    }

    fn send(&self, to: &mut TcpStream, bytes: &[u8], way: Way) -> io::Result<()> {
        if way.epoch != self.epoch.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.silent.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.passed[way.direction as usize].fetch_add(bytes.len() as u64, Ordering::SeqCst);
        to.write_all(bytes)
    }

    fn happen(&self, fault: Fault) {
        match fault {
            Fault::Drop => self.drop_connections(),
            Fault::BlackHole => self.silent.store(true, Ordering::SeqCst),
            Fault::Call(call) => call(),
        }
    }

    fn drop_connections(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        for socket in lock(&self.sockets).drain(..) {
            // It may have ended by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a proxy to a server that says all back.
    fn echo() -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("bound").port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let reader = stream.try_clone().expect("a handle");
                thread::spawn(move || io::copy(&mut &reader, &mut &stream));
            }
        });
        Proxy::to(port)
    }

    fn say(proxy: &Proxy, text: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).expect("open");
        stream.write_all(text).expect("sent");
        let _ = stream.shutdown(Shutdown::Write);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        heard
    }

    #[test]
    fn bytes_pass_and_are_counted() {
        let proxy = echo();
        assert_eq!(say(&proxy, b"hello"), b"hello");
        assert_eq!((proxy.passed(Direction::Up), proxy.passed(Direction::Down)), (5, 5));
    }

    #[test]
    fn a_connection_is_dropped_after_the_byte_that_was_asked_for() {
        let proxy = echo();
        for after in 0..5 {
            let (direction, fault) = (Direction::Down, Fault::Drop);
            proxy.arm(Some(FaultPoint { direction, after, fault }));
            assert_eq!(say(&proxy, b"hello").len() as u64, after);
        }
        assert_eq!(say(&proxy, b"hello"), b"hello", "a fault happens once");
    }

    #[test]
    fn something_is_done_between_two_bytes() {
        let proxy = echo();
        let (sender, called) = std::sync::mpsc::channel();
        let fault = Fault::Call(Box::new(move || sender.send(()).expect("heard")));
        proxy.arm(Some(FaultPoint { direction: Direction::Up, after: 2, fault }));
        assert_eq!(say(&proxy, b"hello"), b"hello");
        called.recv().expect("called");
    }
}
