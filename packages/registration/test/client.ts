/** A client in a folder of its own. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ready, Registered } from '../src/index.ts'
import { ensureRegistered, optionsFromEnvironment, type Ports } from '../src/index.ts'

export async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'registration-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

export interface Setting {
  readonly idp: string
  readonly folder: string
}

export function environment({ idp, folder }: Setting, more: Record<string, string> = {}) {
  return {
    IDP_BASE_URL: idp,
    DCR_ENABLED: 'true',
    DCR_SIGNING_KEY: join(folder, 'bff-sig-001.pem'),
    BFF_KID: 'bff-sig-001',
    BFF_CLIENT_CRED_PATH: join(folder, 'bff_client.json'),
    DCR_REDIRECT_URIS: 'https://app.example/auth/callback',
    // Made in no time; an RSA key takes as long as everything else of a start.
    DCR_KEY_ALG: 'ES256',
    ...more,
  }
}

/** Starts the client once, as a container does. */
export async function start(setting: Setting, more: Record<string, string> = {}, ports: Partial<Ports> = {}) {
  const lines: string[] = []
  const log = (_: string, line: string) => void lines.push(line)
  const result = await ensureRegistered(optionsFromEnvironment(environment(setting, more)), {
    log,
    sleep: async () => undefined,
    ...ports,
  })
  return Object.assign(ready(result), { lines })
}

export function ready(result: Registered): Ready {
  if (result.outcome === 'skipped' || result.outcome === 'failed') throw new Error(`it is ${result.outcome}`)
  return result
}

export const pem = ({ folder }: Setting) => readFile(join(folder, 'bff-sig-001.pem'), 'utf8')
// biome-ignore lint/suspicious/noExplicitAny: stored members are checked one by one in the tests
export const stored = async ({ folder }: Setting): Promise<any> =>
  JSON.parse(await readFile(join(folder, 'bff_client.json'), 'utf8'))
