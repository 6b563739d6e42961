//! The register at the end of a TCP connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Call, Reply, Session};
use crate::atol::code::Code;
use crate::atol::shared::SharedRegister;

/// The longest line that is read, in bytes.
pub const LINE_MAX: u64 = 4 << 20;
/// How many libraries may be connected at once.
const CONNECTIONS_MAX: usize = 16;

/// Lets fake libraries of other processes drive a register. One line has one [`Call`] as JSON, the
/// next line back is its [`Reply`]. A connection is one handle; when it ends, the register is let
/// go and what was open stays open.
///
/// It has threads of its own, because the library on the other side blocks as a real one does.
/// Dropping it closes all connections.
#[derive(Debug)]
pub struct LinkServer {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    connections: Connections,
    accepting: Option<JoinHandle<()>>,
}

/// Those that are open, with their threads.
type Connections = Arc<Mutex<Vec<(TcpStream, JoinHandle<()>)>>>;

impl LinkServer {
    /// Listens. Port 0 takes a free one; see [`LinkServer::address`].
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn start(address: impl ToSocketAddrs, register: SharedRegister) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (stopping, connections) = (Arc::<AtomicBool>::default(), Connections::default());
        let (stop, open) = (Arc::clone(&stopping), Arc::clone(&connections));
        let accepting = thread::Builder::new()
            .name("register link".to_owned())
            .spawn(move || accept(&listener, &register, &stop, &open))?;
        Ok(Self { address, stopping, connections, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the connections that there are and waits until they have let go of the register, which
    /// must not be locked meanwhile. New ones are taken. As when a cable is pulled and put back.
    pub fn disconnect(&self) {
        let open = std::mem::take(&mut *lock(&self.connections));
        for (connection, thread) in open {
            // It may have ended by itself, and has nobody to tell of a panic.
            let _ = connection.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

impl Drop for LinkServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.disconnect();
    }
}

fn accept(
    listener: &TcpListener,
    register: &SharedRegister,
    stopping: &AtomicBool,
    connections: &Connections,
) {
    for stream in listener.incoming() {
        if stopping.load(Ordering::Acquire) {
            return;
        }
        let Ok((stream, kept)) = stream.and_then(|s| Ok((s.try_clone()?, s))) else { continue };
        let mut open = lock(connections);
        open.retain(|(_, thread)| !thread.is_finished());
        if open.len() >= CONNECTIONS_MAX {
            continue;
        }
        let register = register.clone();
        let spawned = thread::Builder::new().name("register link".to_owned()).spawn(move || {
            // The other side has gone, or sent what is no call: both end the connection.
            let _ = serve(&stream, register);
            let _ = stream.shutdown(Shutdown::Both);
        });
        if let Ok(thread) = spawned {
            open.push((kept, thread));
        }
    }
}

fn serve(stream: &TcpStream, register: SharedRegister) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(register);
    let mut lines = BufReader::new(stream);
    let mut writer = stream;
    let mut line = String::new();
    loop {
        line.clear();
        let read = lines.by_ref().take(LINE_MAX).read_line(&mut line)?;
        if read == 0 || !line.ends_with('\n') {
            return Ok(());
        }
        let reply = match serde_json::from_str::<Call>(&line) {
            Ok(call) => session.call(&call),
            Err(error) => {
                let (code, text) = (Code::INVALID_PARAM.0, error.to_string());
                Reply { code, text, ..Reply::default() }
            }
        };
        let mut answer = serde_json::to_string(&reply).map_err(io::Error::other)?;
        answer.push('\n');
        writer.write_all(answer.as_bytes())?;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
