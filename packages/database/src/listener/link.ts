import pg from 'pg'
import { clientConfig } from '../connection/url.ts'

/** One connection that listens. It reports its end once, and never throws after it was opened. */
export interface Link {
  /** Drops the connection without a word to the server: a half-open one would never answer. */
  cut(): void
}

export interface LinkEvents {
  notification(channel: string, payload: string): void
  broken(error: Error): void
}

/** Connects and listens. Throws what `pg` throws. */
export async function openLink(url: string, channels: readonly string[], events: LinkEvents): Promise<Link> {
  const client = new pg.Client(clientConfig(url, 'rekey listener'))
  let cut = false
  let failure = new Error('The connection was closed.')
  client.on('error', (error) => {
    failure = error
  })
  client.on('notification', ({ channel, payload }) => {
    if (!cut) events.notification(channel, payload ?? '')
  })
  const drop = () => {
    cut = true
    client.connection.stream.destroy()
  }
  try {
    await client.connect()
    client.on('end', () => {
      if (!cut) events.broken(failure)
    })
    await client.query(channels.map((channel) => `LISTEN ${client.escapeIdentifier(channel)}`).join('; '))
  } catch (error) {
    drop()
    throw error
  }
  return { cut: drop }
}
