import { getNamedType, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';
import { useState } from 'preact/hooks';

const MOST_FOUND = 60;

/** The schema to walk through: entry points, types, fields with their words, and a search over all of it. */
export function Documentation({ schema, path, onPath, t }) {
  const [sought, setSought] = useState('');
  if (!schema) return <p class="quiet">{t('noSchema')}</p>;
  const type = path.length ? schema.getType(path.at(-1).type) : undefined;
  const open = (name, field) => (setSought(''), onPath([...path, { type: name, field }]));
  return (
    <div class="documentation">
      <input type="search" aria-label={t('search')} placeholder={t('search')} value={sought} onInput={(event) => setSought(event.currentTarget.value)} />
      {path.length > 0 && (
        <nav class="crumbs">
          <button onClick={() => onPath(path.slice(0, -1))}>← {t('back')}</button>
          <span>{path.at(-1).type}</span>
        </nav>
      )}
      {sought ? <Found schema={schema} sought={sought.toLowerCase()} open={open} t={t} /> : type ? <Type type={type} marked={path.at(-1).field} open={open} t={t} /> : <Start schema={schema} open={open} t={t} />}
    </div>
  );
}

function Start({ schema, open, t }) {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(Boolean);
  const others = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__') && !roots.includes(type));
  return (
    <>
      <h3>{t('start')}</h3>
      {roots.map((type) => (
        <Link key={type.name} type={type} open={open} />
      ))}
      <h3>{t('allTypes')}</h3>
      {others.map((type) => (
        <Link key={type.name} type={type} open={open} />
      ))}
    </>
  );
}

function Link({ type, open }) {
  return (
    <button class="type-link" onClick={() => open(type.name)}>
      {type.name}
    </button>
  );
}

function Type({ type, marked, open, t }) {
  const fields = isObjectType(type) || isInterfaceType(type) || isInputObjectType(type) ? Object.values(type.getFields()) : [];
  return (
    <>
      {type.description && <p>{type.description}</p>}
      {fields.length > 0 && <h3>{t('fields')}</h3>}
      {fields.map((field) => (
        <Field key={field.name} field={field} marked={field.name === marked} open={open} t={t} />
      ))}
      {isEnumType(type) && <h3>{t('values')}</h3>}
      {isEnumType(type) &&
        type.getValues().map((value) => (
          <section class="field" key={value.name}>
            <code>{value.name}</code>
            <p>{value.description}</p>
          </section>
        ))}
    </>
  );
}

function Field({ field, marked, open, t }) {
  return (
    <section class={marked ? 'field marked' : 'field'} ref={(element) => marked && element?.scrollIntoView({ block: 'nearest' })}>
      <code>
        <b>{field.name}</b>: <TypeName type={field.type} open={open} />
      </code>
      {field.description && <p>{field.description}</p>}
      {field.args?.length > 0 && (
        <ul aria-label={t('arguments')}>
          {field.args.map((argument) => (
            <li key={argument.name}>
              <code>
                {argument.name}: <TypeName type={argument.type} open={open} />
              </code>{' '}
              {argument.description}
            </li>
          ))}
        </ul>
      )}
      {field.deprecationReason && (
        <p>
          {t('deprecated')}: {field.deprecationReason}
        </p>
      )}
    </section>
  );
}

function TypeName({ type, open }) {
  return (
    <button class="type-name" onClick={() => open(getNamedType(type).name)}>
      {String(type)}
    </button>
  );
}

function Found({ schema, sought, open, t }) {
  const found = [];
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue;
    if (type.name.toLowerCase().includes(sought)) found.push({ type: type.name });
    for (const field of Object.keys(type.getFields?.() ?? {})) if (field.toLowerCase().includes(sought)) found.push({ type: type.name, field });
  }
  if (!found.length) return <p class="quiet">{t('noneFound')}</p>;
  return found.slice(0, MOST_FOUND).map(({ type, field }) => (
    <button class="type-link" key={`${type}.${field}`} onClick={() => open(type, field)}>
      {field ? `${type}.${field}` : type}
    </button>
  ));
}
