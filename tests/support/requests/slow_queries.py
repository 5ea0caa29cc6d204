"""What clients give up while it is carried out."""

# Each alias looks through sixty words of each of thirty thousand contexts: it takes many seconds.
SLOW = "\n".join(
    f'a{n}: contexts(filter: {{ data: {{ containsAny: ["x{n}", "y", "z"] }} }}) {{ totalCount }}'
    for n in range(40)
)
