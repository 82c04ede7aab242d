/** The first characters of a text, of which none is halved: one may be two units long. */
export const beginning = (text: string, length: number): string => text.slice(0, length).replace(/\p{Surrogate}$/u, '');
