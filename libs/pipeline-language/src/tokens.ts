import { CST, Lexer } from 'yaml';

/** A lexical token of YAML with its place in the text; markers of the lexer that stand for no text are left out. */
export type Token = { type: CST.TokenType; offset: number; source: string };

/**
 * The parser's own lexer, which works in one flat loop: unlike the parser it may be given any nesting.
 * Using it means that what is measured before parsing is what the parser will see.
 */
export const lexemesOf = (text: string): Iterable<string> => new Lexer().lex(text);

export const tokensOf = function* (lexemes: Iterable<string>): Generator<Token> {
  let offset = 0;
  let scalarFollows = false;
  for (const source of lexemes) {
    if (!scalarFollows && source === CST.SCALAR) {
      scalarFollows = true;
      continue;
    }
    if (!scalarFollows && source === CST.DOCUMENT) continue;
    const type = scalarFollows ? 'scalar' : CST.tokenType(source);
    scalarFollows = false;
    if (type === null) continue;
    yield { type, offset, source };
    if (type !== 'flow-error-end') offset += source.length;
  }
};
