/** The only file of this folder that touches the network. */
import { readFileSync } from 'node:fs'
import { Agent, type ClientRequest, type IncomingMessage, request as overPlain, type RequestOptions } from 'node:http'
import { request as overTls, Agent as TlsAgent } from 'node:https'
import { SecretsError } from '../error.ts'
import { unavailable } from './refusal.ts'
import type { VaultSettings } from './settings.ts'

export interface Request {
  method: 'GET' | 'POST' | 'DELETE'
  /** Below `/v1/`. */
  path: string
  token: string
  body?: object
  /** The deadline of the whole act that this request is part of. */
  signal: AbortSignal
}

export interface Reply {
  status: number
  /** Undefined when it was empty or not JSON. */
  body: unknown
}

export interface Sender {
  /** @throws SecretsError `VAULT_UNAVAILABLE` when there is no reply, or not in time */
  send(request: Request): Promise<Reply>
  close(): void
}

/** Further ones wait for a connection, as long as their deadline allows: a start after an outage asks for everybody's. */
const mostConnections = 32
/** A secret's reply has a few hundred bytes. */
const mostBytes = 1_048_576

/** @throws SecretsError `VAULT_SETTINGS_INVALID` when VAULT_CACERT cannot be read */
export function sender({ address, namespace, caFile }: VaultSettings): Sender {
  const tls = { ca: caFile === undefined ? undefined : readAuthorities(caFile) }
  const plain = new Agent({ keepAlive: true, maxSockets: mostConnections })
  const secure = new TlsAgent({ keepAlive: true, maxSockets: mostConnections, ...tls })

  async function send(asked: Request): Promise<Reply> {
    const url = new URL(`${address}/v1/${asked.path}`)
    try {
      const first = await exchange(url, asked)
      const onward = standbyPointsTo(url, first)
      return parsed(onward ? await exchange(onward, asked) : first)
    } catch (error) {
      if (asked.signal.aborted) throw unavailable('Vault did not answer in time')
      throw unavailable(`Vault cannot be reached (${(error as NodeJS.ErrnoException).code ?? 'no reply'})`)
    }
  }

  async function exchange(url: URL, asked: Request): Promise<Raw> {
    const { method, token, signal } = asked
    const body = asked.body === undefined ? undefined : JSON.stringify(asked.body)
    const headers: Record<string, string> = { 'x-vault-token': token, 'x-vault-request': 'true' }
    if (namespace !== undefined) headers['x-vault-namespace'] = namespace
    if (body !== undefined) headers['content-type'] = 'application/json'
    const options = { method, headers, signal }
    const open = (more: RequestOptions) =>
      url.protocol === 'https:' ? overTls(url, { agent: secure, ...more }) : overPlain(url, { agent: plain, ...more })
    return roundTrip(() => open(options), body)
  }

  return {
    send,
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}

interface Raw {
  status: number
  location: string | undefined
  text: string
}

/** A kept connection may have been closed by the other side just now: then once more, on one that was not used before. */
async function roundTrip(open: () => ClientRequest, body: string | undefined): Promise<Raw> {
  for (;;) {
    const request = open()
    try {
      return await replyTo(request, body)
    } catch (error) {
      if (!request.reusedSocket || (error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
    }
  }
}

function replyTo(request: ClientRequest, body: string | undefined): Promise<Raw> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.once('response', (response) => {
      read(response).then(
        (text) => resolve({ status: response.statusCode ?? 0, location: response.headers.location, text }),
        reject,
      )
    })
    request.end(body)
  })
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new Error('the reply is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/**
 * A standby that does not forward answers 307 with the address of the active node. The token is not sent in the clear to
 * a host that only a reply named.
 */
function standbyPointsTo(asked: URL, { status, location }: Raw): URL | undefined {
  if (status !== 307 || location === undefined || !URL.canParse(location, asked.href)) return undefined
  const onward = new URL(location, asked)
  const safe =
    onward.protocol === 'https:' || (onward.protocol === asked.protocol && onward.hostname === asked.hostname)
  return safe ? onward : undefined
}

function parsed({ status, text }: Raw): Reply {
  try {
    return { status, body: JSON.parse(text) }
  } catch {
    // 204 has no body, and what is not Vault answers HTML: the status says the rest.
    return { status, body: undefined }
  }
}

function readAuthorities(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'no reason given'
    throw new SecretsError('VAULT_SETTINGS_INVALID', `VAULT_CACERT cannot be read (${code})`)
  }
}
