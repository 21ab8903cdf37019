import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { emptyFolder } from '../scripts.ts'

const secret = 'of-every-client-here'
/** Of its tokens for APIs. */
export const audience = 'urn:example:api'
const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** An identity provider that is not ours, in a process of its own, with an operator's file of commands. */
export interface Foreign {
  issuer: string
  folder: string
  /** The file of commands. */
  file: string
  /** What its commands want of the environment. */
  env: Record<string, string | undefined>
  /** The key that signs at the start. */
  kid: string
  /** A token for the API, or an opaque one. */
  token(client: string, opaque?: boolean): Promise<string>
  isActive(token: string): Promise<boolean>
  /** The kids that it publishes, the one that signs first. */
  kids(): Promise<string[]>
  /** Kills it. */
  stop(): Promise<void>
  /** Starts it again at its address. */
  restart(): Promise<void>
}

/** @param settleMs for how long readers of its keys may go without a new one */
export async function startForeign(test: TestContext, settleMs: number): Promise<Foreign> {
  const folder = await emptyFolder(test)
  const kid = 'key-of-old'
  await writeFile(join(folder, 'state.json'), JSON.stringify(stateWith(kid)))
  const first = await run(folder)
  const { issuer } = first
  let { stop } = first
  test.after(() => stop())
  const file = join(folder, 'idp.json')
  await writeFile(file, JSON.stringify(commandsOf(issuer, settleMs)), { mode: 0o600 })
  const env = { PATH: process.env.PATH, CLIENT_SECRET: secret }
  const restart = async () => {
    stop = (await run(folder, new URL(issuer).port)).stop
  }
  return { issuer, folder, file, env, kid, stop: () => stop(), restart, ...clientsOf(issuer) }
}

function stateWith(kid: string): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' }
  const since = '2026-01-01T00:00:00.000Z'
  return { keys: [{ kid, publishedAt: since, activatedAt: since, jwk }], revoked: [], endedBefore: {} }
}

async function run(folder: string, port = '0'): Promise<{ issuer: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [script('server.ts')], {
    cwd: folder,
    env: { CLIENT_SECRET: secret, PORT: port },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    // The number may be somebody else's soon.
    await rm(join(folder, 'idp.pid'), { force: true })
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const [issuer] = await once(createInterface(child.stdout), 'line')
  return { issuer, stop }
}

function commandsOf(issuer: string, settleMs: number): object {
  const command = (name: string, ...more: string[]) => ({
    run: [process.execPath, script(name), ...more],
    timeoutSeconds: 20,
  })
  return {
    issuer,
    folder: 'incidents',
    commands: {
      inspect: command('inspect.js'),
      probe: { ...command('probe.js'), env: ['CLIENT_SECRET'] },
      publish: command('publish.js', String(settleMs)),
      promote: command('promote.js'),
      revoke: command('revoke.js'),
      endSessions: command('sessions.js'),
    },
  }
}

function clientsOf(issuer: string): Pick<Foreign, 'token' | 'isActive' | 'kids'> {
  const post = async (client: string, path: string, form: Record<string, string>) => {
    const authorization = `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`
    const response = await fetch(`${issuer}${path}`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams(form),
    })
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
    return (await response.json()) as { access_token: string; active: boolean }
  }
  return {
    token: async (client, opaque = false) => {
      const form = { grant_type: 'client_credentials', ...(!opaque && { resource: audience }) }
      return (await post(client, '/token', form)).access_token
    },
    isActive: async (token) => (await post('rekey-probe', '/token/introspection', { token })).active,
    kids: async () => {
      const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: { kid: string }[] }
      return keys.map(({ kid }) => kid)
    },
  }
}
