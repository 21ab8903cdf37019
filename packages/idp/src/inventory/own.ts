import { keyringFacts, rootKeyFacts, type SecretFacts, showRootKeys, variableFacts, withDeclared } from '@rekey/service'
import type { Instance } from '../instance.ts'
import { storedUnder } from '../root-keys/sealed.ts'
import { variableUses } from './variables.ts'

const owner = 'identity provider'

const derived = {
  'audit-signer': 'signs the checkpoints of the audit',
  'cookie-keys': 'sign the cookies of the OpenID provider',
} as const

/** What an instance needs to tell of the secrets that are no rows of agents, clients or verifiers. */
export type Own = Pick<Instance, 'store' | 'rootKeys' | 'connection' | 'audit' | 'config' | 'declared' | 'storedCounts'>

/** The secrets of the identity provider itself, and those that are declared. */
export async function ownSecrets({ store, rootKeys, connection: { db }, audit, config, declared }: Own) {
  const shown = await showRootKeys(rootKeys, db, () => storedUnder(db), audit.signer)
  const found: SecretFacts[] = [
    ...(await keyringFacts(store, owner)),
    ...(await rootKeyFacts(db, shown, derived, owner)),
    ...variableFacts(variableUses, config.secretVariables, owner),
    ...config.breakGlass.bffs.flatMap(({ url, tokenFile }) => (tokenFile === undefined ? [] : [bffToken(url)])),
  ]
  const { secrets, problem } = declared.now()
  return { secrets: withDeclared(found, secrets), problem }
}

/** REKEY_BFFS names the file of a token, where each has another. */
const bffToken = (url: string): SecretFacts => ({
  ...{ name: `REKEY_BFFS ${url}`, kind: 'bff-admin-token', owner, management: 'unmanaged' },
})
