import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Command, type CommandConfig, commandFile } from '../../../src/providers/command/config.ts'

export const issuer = 'https://idp.example.com'

/** A command that runs this code, by a Node of its own. */
export function program(code: string, more: Partial<Command> = {}): Command {
  return { run: [process.execPath, '-e', code], timeoutSeconds: 10, env: [], ...more }
}

/** A command that reads its document and answers what the code returns of it. */
export function answering(code: string, more: Partial<Command> = {}): Command {
  const head = "const asked = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))"
  return program(`${head}; process.stdout.write(JSON.stringify((() => { ${code} })()))`, more)
}

export const says = (reply: unknown) => answering(`return ${JSON.stringify(reply)}`)

type Commands = CommandConfig['commands']

/** A file's content with the three commands that must be there, and others. */
export function configOf(home: string, commands: Partial<Commands> = {}): CommandConfig {
  const key = { kid: 'k1', algorithm: 'ES256', state: 'active' }
  const all = {
    inspect: says({ provider: { issuer }, key: { ...key, canSign: true }, keys: [key] }),
    promote: says({ successors: [{ kid: 'k2', activatedAt: '2026-11-21T10:00:00Z' }], windowMs: 0, keys: [] }),
    revoke: says({ revoked: [{ kid: 'k1', revokedAt: '2026-11-21T10:00:01Z' }], keys: [] }),
    ...commands,
  }
  return { ...commandFile.parse({ issuer, commands: all }), home, folder: join(home, 'incidents') }
}

/** An empty folder that is gone after the test. */
export async function emptyFolder(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-commands-'))
  test.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
