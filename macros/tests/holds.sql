{#-
    A condition that is true of every row. Null is not true: where a column may be null, the
    condition has to say so.
-#}
{% test holds(model, condition) %}
    select *
    from {{ model }}
    where ({{ condition }}) is not true
{% endtest %}
