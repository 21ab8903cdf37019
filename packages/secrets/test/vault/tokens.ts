/** Vault's own tokens, in memory: service tokens with a lease, as `auth/token` gives, shows, renews and revokes them. */
import { randomBytes } from 'node:crypto'
import type { Answer } from './engine.ts'

interface Lease {
  ttl: number
  renewable: boolean
  /** Milliseconds since the epoch; undefined: never. */
  endsAt: number | undefined
  policies: string[]
}

interface Created {
  ttl: string
  renewable: boolean
  policies: string[]
}

export type TokenAnswer = Answer & { auth?: unknown }

const denied: TokenAnswer = { status: 403, errors: ['permission denied'] }

/** @param root a token that never ends */
export function tokenStore(root: string) {
  const leases = new Map<string, Lease>([[root, { ttl: 0, renewable: false, endsAt: undefined, policies: ['root'] }]])
  const renewals: string[] = []

  function valid(token: string): Lease | undefined {
    const lease = leases.get(token)
    if (lease?.endsAt !== undefined && lease.endsAt <= Date.now()) leases.delete(token)
    return leases.get(token)
  }

  function start(token: string, { ttl, renewable, policies }: Omit<Lease, 'endsAt'>): TokenAnswer {
    leases.set(token, { ttl, renewable, endsAt: Date.now() + ttl * 1_000, policies })
    return { status: 200, auth: { client_token: token, lease_duration: ttl, renewable, policies } }
  }

  const calls: Record<string, (token: string, lease: Lease, body: Record<string, unknown> | undefined) => TokenAnswer> =
    {
      'lookup-self'(token, lease) {
        const ttl = lease.endsAt === undefined ? 0 : Math.ceil((lease.endsAt - Date.now()) / 1_000)
        return { status: 200, data: { id: token, ttl, renewable: lease.renewable, policies: lease.policies } }
      },
      'renew-self'(token, lease) {
        if (!lease.renewable) return { status: 400, errors: ['lease is not renewable'] }
        renewals.push(token)
        return start(token, lease)
      },
      'revoke-self'(token) {
        leases.delete(token)
        return { status: 204 }
      },
      create(_token, lease, body) {
        const { ttl = '1h', renewable = true, policies } = (body ?? {}) as Partial<Created>
        // Whoever is given none gets those of the one who makes it.
        const given = policies ? ['default', ...policies] : lease.policies
        return start(`hvs.${randomBytes(12).toString('hex')}`, {
          ttl: Number.parseInt(ttl, 10),
          renewable,
          policies: given,
        })
      },
    }

  return {
    renewals,
    /** The names of a token's policies; undefined when it is none. */
    policiesOf: (token: string) => valid(token)?.policies,
    /** Ends a token at once. */
    expire: (token: string) => leases.delete(token),
    handle(call: string, token: string, body: Record<string, unknown> | undefined): TokenAnswer | undefined {
      const lease = valid(token)
      return lease ? calls[call]?.(token, lease, body) : denied
    },
  }
}
