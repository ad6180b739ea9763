-- How well the plainest forecasts do, by zone and four weeks: what a model has to beat. Whole
-- millionths are summed, so that the order of the rows does not matter.
with zones as (
    select * from {{ ref('bridge_station_zone') }}
    where zone_kind = 'council'
),

hours as (
    select
        hours.*,
        zones.zone_sk,
        case when hours.state is not null then cast(hours.state = 'empty' as integer) end
            as empty_now,
        cast(hours.is_empty_within_60m as integer) as empty_soon,
        hours.empty_minutes_24h / 1440.0 as empty_share
    from {{ ref('mart_ml_station_hour') }} as hours
    left join zones
        on
            hours.station_sk = zones.station_sk
            and hours.as_of_at >= zones.valid_from
            and hours.as_of_at < coalesce(zones.valid_to, timestamp '9999-01-01')
),

forecasts as (
    select
        system_id,
        zone_sk,
        time_fold,
        'departures' as predicted,
        'same_hour_last_week' as baseline,
        departures_next_60m as true_value,
        departures_lag_168h as forecast_value
    from hours
    union all
    select
        system_id,
        zone_sk,
        time_fold,
        'departures' as predicted,
        'seasonal_mean' as baseline,
        departures_next_60m as true_value,
        departures_seasonal_mean as forecast_value
    from hours
    union all
    select
        system_id,
        zone_sk,
        time_fold,
        'departures' as predicted,
        'mean_of_the_day_before' as baseline,
        departures_next_60m as true_value,
        departures_mean_24h as forecast_value
    from hours
    union all
    select
        system_id,
        zone_sk,
        time_fold,
        'empty_within_60m' as predicted,
        'empty_now' as baseline,
        empty_soon as true_value,
        empty_now as forecast_value
    from hours
    union all
    select
        system_id,
        zone_sk,
        time_fold,
        'empty_within_60m' as predicted,
        'share_of_the_day_before' as baseline,
        empty_soon as true_value,
        empty_share as forecast_value
    from hours
),

summed as (
    select
        system_id,
        coalesce(zone_sk, 'none') as zone_sk,
        time_fold,
        predicted,
        baseline,
        cast(count(*) as integer) as forecasts,
        sum(cast(round(true_value * 1000000) as bigint)) as micro_truth,
        sum(cast(round(abs(true_value - forecast_value) * 1000000) as bigint)) as micro_error,
        sum(cast(round(power(true_value - forecast_value, 2) * 1000000) as bigint))
            as micro_square
    from forecasts
    where true_value is not null and forecast_value is not null
    group by system_id, coalesce(zone_sk, 'none'), time_fold, predicted, baseline
),

final as (
    select
        system_id,
        zone_sk,
        time_fold,
        predicted,
        baseline,
        forecasts,
        cast(
            case when predicted = 'departures' then micro_error / nullif(micro_truth, 0) end
            as double
        ) as wape,
        cast(
            case when predicted = 'empty_within_60m' then micro_square / forecasts / 1000000.0 end
            as double
        ) as brier
    from summed
)

select * from final
