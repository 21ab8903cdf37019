import type { Bff } from '../bff.ts'
import type { Provider } from '../provider/provider.ts'
import type { SessionMemory } from './memory.ts'

/** What sessions are made of. */
export type SessionParts = Pick<
  Bff,
  'clock' | 'connection' | 'keyrings' | 'log' | 'metrics' | 'requireLease' | 'sealer'
> & {
  readonly config: Pick<Bff['config'], 'publicUrl' | 'sessions'>
  readonly provider: Pick<Provider, 'refresh' | 'revoke'>
  readonly view: Pick<Bff['view'], 'databaseNow' | 'everywhere' | 'id'>
  /** On the same view. */
  readonly memory: SessionMemory
}
