import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the range from which systems take ports for outgoing connections, and above those of an estate.
const lowest = 20_000
const highest = 29_999

/** Ports that are free on both loopback addresses at this moment. */
export async function freePorts(count: number, random: () => number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = lowest + Math.floor(random() * (highest - lowest))
    if (!found.has(port) && (await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) found.add(port)
  }
  return [...found]
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ port, host })
    await once(server, 'listening')
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EACCES') return false
    // A machine without IPv6: nobody can be there.
    if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return true
    throw error
  } finally {
    server.close()
  }
}
