/** The Vaults that the same tests run against: ours in memory, and a real one where the environment names it. */
import { randomUUID } from 'node:crypto'
import type { VaultSettings } from '../../src/vault/settings.ts'
import { startVault } from './server.ts'

export interface Target {
  address: string
  /** May do everything. */
  token: string
  close(): Promise<void>
}

export interface TargetKind {
  name: string
  start(): Promise<Target>
}

const ours: TargetKind = {
  name: 'the test server',
  async start() {
    const { url: address, token, close } = await startVault()
    return { address, token, close }
  },
}

/** With a KV v2 engine at `secret/`, as a server in development mode has. */
const { REKEY_TEST_VAULT_ADDR: address, REKEY_TEST_VAULT_TOKEN: token } = process.env
const real: TargetKind[] =
  address && token ? [{ name: 'a real server', start: async () => ({ address, token, close: async () => {} }) }] : []

export const targets: readonly TargetKind[] = [ours, ...real]

export function settingsFor({ address, token }: Pick<Target, 'address' | 'token'>): VaultSettings {
  return { address, token, tokenFile: undefined, namespace: undefined, mount: 'secret', caFile: undefined }
}

/** Of nobody else, on a server that others use too. */
export function newPath(): string {
  return `agentidp/agents/${randomUUID()}/credentials/${randomUUID()}`
}

export interface RawReply {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: replies are checked member by member in the tests
  body: any
}

/** Speaks to a Vault without our client, as its operator does. */
export async function operate(
  { address, token }: Pick<Target, 'address' | 'token'>,
  method: string,
  path: string,
  body?: object,
): Promise<RawReply> {
  const init = { method, headers: { 'x-vault-token': token } }
  const reply = await fetch(`${address}/v1/${path}`, body ? { ...init, body: JSON.stringify(body) } : init)
  const text = await reply.text()
  return { status: reply.status, body: text === '' ? undefined : JSON.parse(text) }
}
