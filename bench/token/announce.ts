import type { AddressInfo, Server } from 'node:net'

/** What a contestant's process tells the one that started it, as one line of JSON on stdout. */
export interface Announcement {
  readonly url: string
}

export function announce(announcement: Announcement): void {
  process.stdout.write(`${JSON.stringify(announcement)}\n`)
  // stdin is a pipe that nobody writes to: it ends when the benchmark is gone, however it went.
  process.stdin.resume().on('end', () => process.exit())
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
