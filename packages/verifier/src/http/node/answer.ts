import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { InternalReply } from '../internal/reply.ts'
import type { Refusal } from '../refusal.ts'

export function sendRefusal(response: ServerResponse, { status, headers, body }: Refusal): void {
  response.writeHead(status, { ...headers }).end(JSON.stringify(body))
}

/** Who went away while a list was being written is not missed. */
function unlessGone(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
}

export async function sendReply(response: ServerResponse, { status, headers, text }: InternalReply): Promise<void> {
  response.writeHead(status, { ...headers })
  if (typeof text === 'string') response.end(text)
  else await pipeline(Readable.from(text), response).catch(unlessGone)
}
