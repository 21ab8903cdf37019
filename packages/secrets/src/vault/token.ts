/** The token that Vault knows us by: where it comes from, and that it does not run out while it can be renewed. */
import { readFile } from 'node:fs/promises'
import { refusalOf, refused, unavailable } from './refusal.ts'
import type { Reply, Sender } from './send.ts'
import type { VaultSettings } from './settings.ts'

const longestWaitMs = 86_400_000
const shortestWaitMs = 1_000

export interface Token {
  /** @throws SecretsError `VAULT_UNAVAILABLE` while the token file cannot be read */
  current(): Promise<string>
  /** After a refusal. Whoever renews the file may have done so since; without a file it is the same one. */
  reread(): Promise<string>
  close(): void
}

interface Lease {
  /** Milliseconds that are left; 0: for ever. */
  leftMs: number
  renewable: boolean
}

export interface TokenOptions {
  /** Of each request. */
  deadlineMs: number
  /** After one that failed. */
  retryMs: number
  /** Hears why it could not be renewed; it is tried again. */
  onError: (error: unknown) => void
}

/** Renews the token at half of what is left to it, and reads its file again before that. */
export function keepToken(
  settings: Pick<VaultSettings, 'token' | 'tokenFile'>,
  sender: Sender,
  { deadlineMs, retryMs, onError }: TokenOptions,
): Token {
  const { tokenFile } = settings
  let known = tokenFile === undefined ? settings.token : undefined
  let closed = false
  let timer: NodeJS.Timeout | undefined

  async function reread(): Promise<string> {
    if (tokenFile !== undefined) known = await readToken(tokenFile)
    return known ?? ''
  }

  async function ask(method: 'GET' | 'POST', path: string): Promise<Reply> {
    const token = await reread()
    const reply = await sender.send({ method, path, token, signal: AbortSignal.timeout(deadlineMs) })
    if (reply.status !== 200) throw refusalOf(reply)
    return reply
  }

  async function renew(): Promise<Lease> {
    const held = leaseIn(await ask('GET', 'auth/token/lookup-self'))
    if (held.leftMs === 0) return held
    if (held.renewable) return leaseIn(await ask('POST', 'auth/token/renew-self'))
    if (tokenFile === undefined) onError(refused('the Vault token will expire and cannot be renewed'))
    return held
  }

  async function beat(): Promise<void> {
    const waitMs = await renew().then(waitFor, (error) => {
      if (!closed) onError(error)
      return retryMs
    })
    if (closed || waitMs === undefined) return
    timer = setTimeout(beat, waitMs)
    timer.unref()
  }

  beat()
  return {
    current: async () => known ?? reread(),
    reread,
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

function waitFor({ leftMs }: Lease): number | undefined {
  if (leftMs === 0) return undefined
  return Math.min(Math.max(leftMs / 2, shortestWaitMs), longestWaitMs)
}

/** `lookup-self` tells it under `data`, `renew-self` under `auth`, both in seconds. */
function leaseIn({ body }: Reply): Lease {
  const { data, auth } = body as {
    data?: { ttl?: number; renewable?: boolean }
    auth?: { lease_duration?: number; renewable?: boolean }
  }
  const seconds = auth?.lease_duration ?? data?.ttl ?? 0
  return { leftMs: seconds * 1_000, renewable: auth?.renewable ?? data?.renewable ?? false }
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unavailable(`VAULT_TOKEN_FILE cannot be read (${error.code ?? 'no reason given'})`)
  })
  const token = text.trim()
  // Whoever writes it anew may have emptied it first.
  if (token === '') throw unavailable('VAULT_TOKEN_FILE is empty')
  return token
}
