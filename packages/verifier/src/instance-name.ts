import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

/** A name for what lives as long as this process: an operator knows the machine by it, and no two are the same. */
export function instanceName(): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9-]+/g, '-')
    .replace(/^-/, '')
  return `${host.slice(0, 60) || 'api'}-${randomUUID().slice(0, 8)}`
}
