/**
 * A KV v2 engine in memory, as its public HTTP API describes it; `protocol.test.ts` holds the same exchanges against it and
 * against a real server.
 */

export interface Answer {
  status: number
  /** What the reply's envelope has under `data`. */
  data?: unknown
  /** Texts instead of an envelope. */
  errors?: string[]
}

interface Version {
  created_time: string
  deletion_time: string
  destroyed: boolean
  data: unknown
}

interface Secret {
  created_time: string
  updated_time: string
  current_version: number
  oldest_version: number
  max_versions: number
  cas_required: boolean
  /** Of the settings; OpenBao's alone. */
  current_metadata_version: number
  versions: Map<number, Version>
}

interface Settings {
  max_versions: number
  cas_required: boolean
  /** Milliseconds; 0: never. */
  delete_version_after: number
}

interface Call {
  method: string
  path: string
  version: string | null
  // biome-ignore lint/suspicious/noExplicitAny: whatever a client sends
  body: any
}

const done: Answer = { status: 204 }
const notThere: Answer = { status: 404, errors: [] }
const bad = (text: string): Answer => ({ status: 400, errors: [text] })

export function kvEngine() {
  const settings: Settings = { max_versions: 0, cas_required: false, delete_version_after: 0 }
  const secrets = new Map<string, Secret>()
  const now = () => new Date().toISOString()

  function secretAt(path: string): Secret {
    const found = secrets.get(path)
    if (found) return found
    const empty = {
      current_version: 0,
      oldest_version: 0,
      max_versions: 0,
      cas_required: false,
      current_metadata_version: 0,
    }
    const made: Secret = { ...empty, created_time: now(), updated_time: now(), versions: new Map() }
    secrets.set(path, made)
    return made
  }

  const kinds: Record<string, (call: Call) => Answer> = {
    data(call) {
      if (call.method === 'GET') return read(call)
      if (call.method === 'DELETE') return remove(call.path, [secrets.get(call.path)?.current_version ?? 0])
      return write(call)
    },
    metadata({ method, path, body }) {
      if (method === 'LIST') return list(path)
      const secret = secrets.get(path)
      if (method === 'DELETE') {
        secrets.delete(path)
        return done
      }
      if (method === 'GET') return secret ? { status: 200, data: metadataOf(secret) } : notThere
      const current = secret?.current_metadata_version ?? 0
      if (body?.metadata_cas !== undefined && body.metadata_cas !== current) {
        return bad('metadata check-and-set parameter does not match the current version')
      }
      const set = { ...pick(body, ['max_versions', 'cas_required']), current_metadata_version: current + 1 }
      Object.assign(secretAt(path), set)
      return done
    },
    delete: ({ path, body }) => withVersions(body, (versions) => remove(path, versions)),
    undelete: ({ path, body }) =>
      withVersions(body, (versions) => change(path, versions, (version) => (version.deletion_time = ''))),
    destroy: ({ path, body }) =>
      withVersions(body, (versions) =>
        change(path, versions, (version) => {
          version.destroyed = true
          version.data = null
        }),
      ),
    config({ method, body }) {
      if (method === 'GET') return { status: 200, data: { ...settings, delete_version_after: '0s' } }
      Object.assign(settings, pick(body, ['max_versions', 'cas_required', 'delete_version_after']))
      return done
    },
  }

  /** What lies right below a path, once each; folders end with a slash. */
  function list(path: string): Answer {
    const folder = path === '' ? '' : `${path.replace(/\/$/, '')}/`
    const below = [...secrets.keys()].filter((other) => other.startsWith(folder))
    const keys = new Set(below.map((other) => /^[^/]*\/?/.exec(other.slice(folder.length))?.[0] ?? ''))
    return keys.size === 0 ? notThere : { status: 200, data: { keys: [...keys].sort() } }
  }

  function read({ path, version }: Call): Answer {
    const secret = secrets.get(path)
    const number = version === null ? (secret?.current_version ?? 0) : Number(version)
    const found = secret?.versions.get(number)
    if (!found) return notThere
    const { data, ...metadata } = { ...found, custom_metadata: null, version: number }
    const gone = found.destroyed || (found.deletion_time !== '' && found.deletion_time <= now())
    return { status: gone ? 404 : 200, data: { data: gone ? null : data, metadata } }
  }

  function write({ path, body }: Call): Answer {
    if (body?.data === undefined) return bad('no data provided')
    const secret = secrets.get(path)
    const cas = body.options?.cas
    if (cas === undefined && (settings.cas_required || secret?.cas_required)) {
      return bad('check-and-set parameter required for this call')
    }
    if (cas !== undefined && cas !== (secret?.current_version ?? 0)) {
      return bad('check-and-set parameter did not match the current version')
    }
    const { data: _, ...written } = add(secretAt(path), body.data)
    return { status: 200, data: { ...written, custom_metadata: null, version: secretAt(path).current_version } }
  }

  /** The larger of both limits counts, ten if there is none. What falls out leaves no trace in the list. */
  function add(secret: Secret, data: unknown): Version {
    const time = now()
    const after = settings.delete_version_after
    const deletion_time = after > 0 ? new Date(Date.parse(time) + after).toISOString() : ''
    const version: Version = { created_time: time, deletion_time, destroyed: false, data }
    secret.updated_time = time
    secret.versions.set(++secret.current_version, version)
    const most = Math.max(secret.max_versions, settings.max_versions) || 10
    for (const number of secret.versions.keys()) {
      if (number > secret.current_version - most) break
      secret.versions.delete(number)
      secret.oldest_version = number + 1
    }
    return version
  }

  function remove(path: string, versions: number[]): Answer {
    return change(path, versions, (version) => (version.deletion_time = now()))
  }

  function change(path: string, versions: number[], by: (version: Version) => void): Answer {
    for (const number of versions) {
      const version = secrets.get(path)?.versions.get(number)
      if (version) by(version)
    }
    return done
  }

  return {
    settings,
    /** @returns undefined where the engine has no such route */
    handle(kind: string, call: Call): Answer | undefined {
      return kinds[kind]?.(call)
    },
    /** What is kept of a path, by version; destroyed ones have no data. */
    versions(path: string): Map<number, Version> {
      return secrets.get(path)?.versions ?? new Map()
    },
    paths: () => [...secrets.keys()],
  }
}

function metadataOf({ versions, ...rest }: Secret) {
  const listed = [...versions].map(([number, { data: _, ...version }]) => [number, version])
  return { ...rest, custom_metadata: null, delete_version_after: '0s', versions: Object.fromEntries(listed) }
}

function withVersions(body: { versions?: number[] } | undefined, act: (versions: number[]) => Answer): Answer {
  const versions = body?.versions ?? []
  return versions.length === 0 ? bad('no version number provided') : act(versions)
}

function pick(from: Record<string, unknown> | undefined, names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.flatMap((name) => (from && name in from ? [[name, from[name]]] : [])))
}
