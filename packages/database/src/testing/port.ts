import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the range from which systems take ports of outgoing connections: a server that is killed, and started again at
// its port, must find nobody there.
const lowest = 10_000
const highest = 20_000

/**
 * A TCP port that nobody listens on, and that no other process is given by this until the calling one ends: not before
 * somebody listens there, and not while that is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (!(await claim(port))) continue
    if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port
  }
}

/** The UDP port of the same number, which nobody here has a use for, stands for the claim: the system ends it with the process. */
async function claim(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  socket.bind({ port, address: '127.0.0.1', exclusive: true })
  const claimed = await succeeds(once(socket, 'listening'))
  if (claimed) socket.unref()
  else socket.close()
  return claimed
}

async function isFree(port: number, host: string): Promise<boolean> {
  const probe = createServer()
  probe.listen({ port, host })
  const free = await succeeds(once(probe, 'listening'), ['EADDRNOTAVAIL', 'EAFNOSUPPORT'])
  await new Promise((closed) => probe.close(closed))
  return free
}

/** @param absent codes that say that the machine has no such address, where nobody can be */
async function succeeds(bound: Promise<unknown>, absent: readonly string[] = []): Promise<boolean> {
  try {
    await bound
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (absent.includes(code)) return true
    if (code === 'EADDRINUSE' || code === 'EACCES') return false
    throw error
  }
}
