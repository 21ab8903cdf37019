import type { Adapter, AdapterPayload } from 'oidc-provider'

/**
 * What a provider keeps, which outlives its being down and a change of its keys.
 *
 * @param refreshReuseMs for so long a refresh token that was used is good once more, as with servers that know that replies get lost
 */
export function memory(refreshReuseMs: number) {
  const stored = new Map<string, { model: string; id: string; payload: AdapterPayload; usedAt?: number }>()

  function adapter(model: string): Adapter {
    const keyOf = (id: string) => `${model}:${id}`
    const by = (name: 'uid' | 'userCode', value: string) =>
      [...stored.values()].find((row) => row.model === model && row.payload[name] === value)?.payload
    return {
      upsert: async (id, payload) => void stored.set(keyOf(id), { model, id, payload }),
      async find(id) {
        const row = stored.get(keyOf(id))
        if (row?.usedAt === undefined) return row?.payload
        const isReusable = model === 'RefreshToken' && Date.now() - row.usedAt < refreshReuseMs
        return isReusable ? row.payload : { ...row.payload, consumed: Math.floor(row.usedAt / 1000) }
      },
      findByUid: async (uid) => by('uid', uid),
      findByUserCode: async (code) => by('userCode', code),
      async consume(id) {
        const row = stored.get(keyOf(id))
        if (row !== undefined) row.usedAt ??= Date.now()
      },
      destroy: async (id) => void stored.delete(keyOf(id)),
      async revokeByGrantId(grantId) {
        for (const [key, { payload }] of stored) if (payload.grantId === grantId) stored.delete(key)
      },
    }
  }

  function forget(sub: string): void {
    for (const [key, { payload }] of stored) if (payload.accountId === sub) stored.delete(key)
  }

  return { adapter, forget }
}
