import { parseDuration } from '@rekey/keyring'
import {
  keyringFacts,
  rootKeyFacts,
  type SecretFacts,
  type ShownKeyring,
  showRootKeys,
  variableFacts,
  withDeclared,
} from '@rekey/service'
import { clientKeyringsOf } from '../administration/client.ts'
import type { Bff } from '../bff.ts'
import type { ConfigFiles } from '../config/files/read.ts'
import { storedUnder } from '../root-keys/stored.ts'
import { variableUses } from './variables.ts'

const owner = 'backend for frontend'

const derived = { 'audit-signer': 'signs the checkpoints of the audit' }

/** What an instance needs to tell of its secrets. */
export type Own = Pick<
  Bff,
  'store' | 'isGiven' | 'rootKeys' | 'connection' | 'audit' | 'config' | 'declared' | 'provider'
>

/** Every secret of this backend, and those that are declared to it. */
export async function ownSecrets(bff: Own): Promise<{ secrets: SecretFacts[]; problem?: string }> {
  const { store, rootKeys, connection, audit, config, declared } = bff
  const { db } = connection
  const shown = await showRootKeys(rootKeys, db, () => storedUnder(db), audit.signer)
  const found: SecretFacts[] = [
    ...(await keyringFacts(store, owner)).map((facts) => givenAs(facts, bff)),
    ...(await clientKeyringsOf(bff)).map(clientKeyring),
    ...(await rootKeyFacts(db, shown, derived, owner)),
    ...variableFacts(variableUses, config.secretVariables, owner),
    ...secretsOfFiles(config.files),
  ]
  const { secrets, ...problem } = declared.now()
  return { secrets: withDeclared(found, secrets), ...problem }
}

/** A secret that is given is replaced where it is given: it takes over by itself, but it is due for whoever gives it. */
function givenAs(facts: SecretFacts, { isGiven, config }: Pick<Bff, 'isGiven' | 'config'>): SecretFacts {
  if (!isGiven(facts.name)) return facts
  const from = Object.entries(config.secrets).find(([keyring]) => keyring === facts.name)?.[1]?.name
  return { ...facts, description: `given by ${from}` }
}

function clientKeyring({ name, kind, policy, versions }: ShownKeyring): SecretFacts {
  const active = versions.find(({ state }) => state === 'active')?.activatedAt
  const rotateEveryMs = parseDuration(policy.rotateEvery)
  return {
    ...{ name, kind, owner, management: 'rekey' },
    rotatedAt: active === undefined ? undefined : Date.parse(active),
    rotateEveryMs,
  }
}

/** What idps.yaml and pdp.yaml hold. */
function secretsOfFiles({ idps, pdp }: ConfigFiles): SecretFacts[] {
  const entry = (name: string): SecretFacts => ({ ...{ name, kind: 'client-secret', owner }, management: 'unmanaged' })
  return [
    ...idps.flatMap(({ name, check }) => (check.by === 'introspection' ? [entry(`idps.yaml ${name}`)] : [])),
    ...(pdp?.credentials === undefined ? [] : [entry('pdp.yaml')]),
  ]
}
