/** A service with a folder for its key, an IdP, and a recorder between the two. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { temporaryFolder } from '../folder.ts'
import { RealIdp } from '../real-idp.ts'
import { type Around, type Ran, run } from '../shell.ts'
import { recorder } from './recorder.ts'

export type Scene = Awaited<ReturnType<typeof scene>>

/** @param more variables of the IdP's environment */
export async function scene(more: Record<string, string> = {}) {
  let target = ''
  const wire = await recorder(() => target)
  // The addresses in the IdP's replies lead through the recorder too.
  const idp = await RealIdp.start({ REKEY_ISSUER: wire.url, ...more }).catch(async (error) => {
    await wire.close()
    throw error
  })
  target = idp.url
  return {
    idp,
    wire,
    /** An initial access token, as `rekey dcr token create` prints it. */
    async iat(...words: string[]): Promise<string> {
      const { code, stdout, stderr } = await idp.rekey('dcr', 'token', 'create', 'bff', ...words)
      assert.equal(code, 0, stderr)
      return stdout.trim()
    },
    /** What an administrator gives a service, by which it replaces a token that is refused. */
    async adminToken(): Promise<string> {
      const { stdout } = await idp.rekey('token', '--scope', 'admin.api dcr.admin')
      return stdout.trim()
    },
    service: (clientId = 'bff-server', profile = 'code-flow-pkjwt') => new Service(wire.url, clientId, profile),
    /** What was said about registrations since this was asked last, each line with its status. */
    registrations(): string[] {
      const about = wire.taken().filter(({ line }) => /\/register|\/admin\//.test(line))
      return about.map(({ line, status }) => `${line} ${status}`)
    },
    async end() {
      await idp.remove()
      await wire.close()
    },
  }
}

/** A service that keeps its key in a folder, and its settings as a compose file has them. */
export class Service {
  readonly folder = temporaryFolder()
  readonly pem = join(this.folder, 'bff-sig-001.pem')
  readonly credentials = join(this.folder, 'bff_client.json')
  readonly env: Record<string, string>

  constructor(idp: string, clientId: string, profile: string) {
    this.env = {
      DCR_ENABLED: 'true',
      SKIP_DCR_BOOTSTRAP: 'false',
      IDP_BASE_URL: idp,
      DCR_CLIENT_ID: clientId,
      DCR_CLIENT_PROFILE: profile,
      DCR_REDIRECT_URIS: 'https://bff.example.com/auth/callback',
      DCR_SIGNING_KEY: this.pem,
      BFF_KID: 'bff-sig-001',
      BFF_CLIENT_CRED_PATH: this.credentials,
    }
  }

  /** Runs `rekey dcr bootstrap`, as at a start of the service. @param more variables beside the usual ones */
  start(more: Record<string, string> = {}, around: Around = {}): Promise<Ran> {
    return run(['dcr', 'bootstrap', '--json'], { ...this.env, ...more }, { now: systemClock, ...around })
  }

  /** The same; its document. @throws AssertionError when it does not end with 0 */
  // biome-ignore lint/suspicious/noExplicitAny: documents are looked at member by member
  async started(more: Record<string, string> = {}, around: Around = {}): Promise<any> {
    const { code, stdout, stderr } = await this.start(more, around)
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  /** What it keeps of its registration. */
  get kept(): { client_id: string; registration_access_token: string; registration_client_uri: string } {
    return JSON.parse(readFileSync(this.credentials, 'utf8'))
  }

  get key(): string {
    return readFileSync(this.pem, 'utf8')
  }

  get hasKey(): boolean {
    return existsSync(this.pem)
  }

  /** Each file with its text and when it was written; locks excepted. */
  snapshot(): unknown[] {
    const names = readdirSync(this.folder).filter((name) => !name.includes('.lock'))
    const paths = names.sort().map((name) => join(this.folder, name))
    return paths.map((path) => [path, readFileSync(path, 'utf8'), statSync(path).mtimeMs])
  }

  modes(): number[] {
    return [this.pem, this.credentials].map((path) => statSync(path).mode & 0o777)
  }
}
