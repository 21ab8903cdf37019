// Loaded before rekey when an older Node started it as a child (hand-over.js). The parent forwards signals, but SIGKILL
// cannot be forwarded; without this the child would outlive it with all its ports.
const parent = process.ppid
const POLL_MS = 500

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM')
}, POLL_MS).unref()
