import { z } from 'zod'

/** A name to log in by. Upper and lower case are the same. */
export const username = z.string().regex(/^[\w.@+-]{1,100}$/, 'letters, digits, and ._@+-')
