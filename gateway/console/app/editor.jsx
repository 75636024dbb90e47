import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { graphql, updateSchema } from 'cm6-graphql';
import { useEffect, useRef } from 'preact/hooks';

const nonce = document.querySelector('meta[name=nonce]').content;

const colours = HighlightStyle.define([
  { tag: tags.comment, color: '#4f6b52' },
  { tag: [tags.keyword, tags.definitionKeyword], color: '#8a1c64' },
  { tag: [tags.string, tags.special(tags.string)], color: '#8f3a06' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: '#6a3fb0' },
  { tag: [tags.propertyName, tags.attributeName, tags.definition(tags.variableName)], color: '#1c4f8c' },
  { tag: [tags.variableName, tags.special(tags.name)], color: '#7a4a00' },
  { tag: tags.typeName, color: '#0b6066' },
]);

function extensionsOf({ language, readOnly, label, onChange, onRun, onShow }) {
  return [
    EditorView.cspNonce.of(nonce),
    EditorView.contentAttributes.of({ 'aria-label': label }),
    EditorView.lineWrapping,
    foldGutter(),
    bracketMatching(),
    syntaxHighlighting(colours),
    language === 'graphql' ? graphql(undefined, { onShowInDoc: (field, type, parent) => onShow?.(parent ?? type, field) }) : json(),
    ...(readOnly
      ? [EditorState.readOnly.of(true), keymap.of([...defaultKeymap, ...foldKeymap])]
      : [
          lineNumbers(),
          history(),
          closeBrackets(),
          autocompletion(),
          keymap.of([{ key: 'Mod-Enter', run: () => (onRun(), true) }, ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
          EditorView.updateListener.of((update) => update.docChanged && onChange(update.state.doc.toString())),
        ]),
  ];
}

/**
 * A text that is edited or shown, in GraphQL or JSON. Tab leaves it, as the keyboard's users expect of a page.
 *
 * `value` replaces what is there when `revision` changes: what one types comes back as `value` a moment later, when more
 * may have been typed.
 */
export function Editor({ value, revision, language, label, schema, readOnly = false, onChange, onRun, onShow }) {
  const place = useRef();
  const view = useRef();
  const calls = useRef();
  calls.current = { onChange, onRun, onShow };

  useEffect(() => {
    const extensions = extensionsOf({
      language,
      readOnly,
      label,
      onChange: (text) => calls.current.onChange(text),
      onRun: () => calls.current.onRun(),
      onShow: (...shown) => calls.current.onShow?.(...shown),
    });
    view.current = new EditorView({ parent: place.current, state: EditorState.create({ doc: value, extensions }) });
    return () => view.current.destroy();
  }, [label]);

  useEffect(() => {
    const shown = view.current.state.doc.toString();
    if (shown !== value) view.current.dispatch({ changes: { from: 0, to: shown.length, insert: value } });
  }, [revision, label]);

  useEffect(() => {
    if (language === 'graphql' && schema) updateSchema(view.current, schema);
  }, [schema, label]);

  return <div class="editor" ref={place} />;
}
