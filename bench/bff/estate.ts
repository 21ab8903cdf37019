import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@rekey/database/testing'
import { type Home, startHome } from '../estate/home.ts'
import { Part } from '../estate/part.ts'
import { untilReady } from '../estate/ready.ts'
import type { Undo } from '../estate/undo.ts'
import { endedEarly, stopProcess } from '../token/contestant.ts'
import { onServerCore } from '../token/cores.ts'

const MAIN = fileURLToPath(new URL('../../packages/bff/src/main.ts', import.meta.url))
const PROFILE = process.env.BENCH_CPU_PROFILE
const client = { CLIENT_ID: 'bff', CLIENT_SECRET: randomBytes(24).toString('base64url') }

/** Replicas of one backend for frontend on the servers' core; the provider and the service on the load's. */
export interface Estate {
  /** Of each replica; one at first. */
  readonly bffs: [string, ...string[]]
  addReplica(): Promise<void>
  /** The service itself. */
  readonly upstream: string
  /** Opens what is below /internal. */
  readonly adminToken: string
}

export async function startEstate(undo: Undo): Promise<Estate> {
  const home = await startHome(undo)
  const adminToken = randomBytes(24).toString('base64url')
  const port = await freePort()
  const publicUrl = urlAt(port)
  const upstream = await startPart(undo, 'the service', new URL('./upstream.ts', import.meta.url))
  const redirectUri = `${publicUrl}/auth/callback`
  const provider = await startPart(undo, 'the provider', new URL('./provider.ts', import.meta.url), {
    ...client,
    REDIRECT_URI: redirectUri,
  })
  const shared = { ...environment(home, publicUrl, provider), REKEY_BFF_ADMIN_TOKEN: adminToken }
  const folder = await configFolder(undo, upstream)
  const start = (at: number) => startBff(undo, at, { ...shared, BFF_CONFIG_DIR: folder })
  const bffs: [string, ...string[]] = [await start(port)]
  const addReplica = async () => void bffs.push(await start(await freePort()))
  return { bffs, addReplica, upstream, adminToken }
}

function environment(home: Home, publicUrl: string, provider: string): Record<string, string> {
  return {
    DATABASE_URL: home.bff.serviceUrl,
    DATABASE_OWNER_URL: home.bff.ownerUrl,
    REKEY_BFF_URL: publicUrl,
    REKEY_HOST: '127.0.0.1',
    REKEY_ROOT_KEY: `file:${home.rootKeyFile}`,
    IDP_BASE_URL: provider,
    AUTH_CLIENT_ID: client.CLIENT_ID,
    AUTH_CLIENT_SECRET: client.CLIENT_SECRET,
    AUTH_SCOPES: 'openid',
    TOKEN_HASH_SALT: 'keyring:',
  }
}

async function configFolder(undo: Undo, upstream: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-bench-bff-'))
  undo.add(() => rm(folder, { recursive: true, force: true }))
  const route = { path: '/api/*', target_service: upstream, methods: ['GET', 'POST'], auth: 'session' }
  // JSON is YAML.
  await writeFile(join(folder, 'routes.yaml'), JSON.stringify({ routes: [route] }))
  return folder
}

async function startPart(undo: Undo, name: string, script: URL, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const port = await freePort()
  const url = urlAt(port)
  const part = new Part(name, script, { ...env, PORT: String(port) })
  undo.add(() => part.stop())
  await part.untilReady(`${url}/.well-known/openid-configuration`)
  return url
}

/** As it runs in production: metrics and a log, which is written and not kept. */
async function startBff(undo: Undo, port: number, env: NodeJS.ProcessEnv): Promise<string> {
  const profile = PROFILE === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${PROFILE}`]
  const [program, ...args] = onServerCore([process.execPath, ...profile, MAIN])
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, REKEY_PORT: String(port), ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  undo.add(() => stopProcess(child))
  await Promise.race([untilReady(`${urlAt(port)}/readyz`), endedEarly('the BFF', child)])
  return urlAt(port)
}

const urlAt = (port: number) => `http://127.0.0.1:${port}`
