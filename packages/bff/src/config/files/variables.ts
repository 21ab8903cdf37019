/** What a text with variables in it becomes; or what of it is not set. */
export type Filled = { readonly text: string } | { readonly unset: readonly string[] } | { readonly malformed: true }

const reference = /\$\$|\$\{([^{}]*)\}|\$\{/g
const inside = /^([A-Za-z_]\w*)(?::-(.*))?$/s

/**
 * Fills `${VAR}` and `${VAR:-default}` in; `$$` is a dollar sign. An empty variable counts as not set. What is filled in is text, and
 * is never read as YAML.
 */
export function fillIn(text: string, env: NodeJS.ProcessEnv): Filled {
  const unset: string[] = []
  let isMalformed = false
  const filled = text.replace(reference, (whole, content: string | undefined) => {
    if (whole === '$$') return '$'
    const [, name, otherwise] = inside.exec(content ?? '') ?? []
    if (name === undefined) isMalformed = true
    const value = (name && env[name]) || otherwise
    if (name !== undefined && value === undefined) unset.push(name)
    return value ?? ''
  })
  if (isMalformed) return { malformed: true }
  return unset.length > 0 ? { unset } : { text: filled }
}

/** The same where the whole text is one secret: also `file:` for the file that `VAR_FILE` names, as mounted secrets have it. */
export function fillInSecret(text: string, env: NodeJS.ProcessEnv): Filled {
  const name = /^\$\{([A-Za-z_]\w*)\}$/.exec(text)?.[1]
  const file = name && !env[name] && env[`${name}_FILE`]
  return file ? { text: file.startsWith('file:') ? file : `file:${file}` } : fillIn(text, env)
}
